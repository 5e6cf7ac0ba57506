"""What the HTML pages have in common: their templates, one look, no other file needed."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from propago import __version__


def templates() -> Environment:
    """The templates, all of which extend `page.html`; values are escaped, missing ones an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["version"] = __version__
    return environment
