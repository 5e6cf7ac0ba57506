import numpy as np

from propago.report.contact import contact_sheet


def test_every_picture_has_its_place():
    pictures = [np.full((30, 40, 3), 40 * n, np.uint8) for n in range(1, 6)]
    sheet = contact_sheet(pictures, [f"frame {n}" for n in range(5)], columns=2, width_px=200)
    assert sheet.shape[1] == 200
    middle = [sheet[40 + row * 100, x, 0] for row in range(3) for x in (50, 150)]
    assert middle == [40, 80, 120, 160, 200, 255]
