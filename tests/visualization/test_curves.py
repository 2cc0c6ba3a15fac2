from mindcast.visualization.colours import BASELINE_LINES, LINES
from mindcast.visualization.curves import line_styles


def test_methods_differ_in_colour_baselines_and_the_fields_of_an_ensemble_in_dashes():
    rows = {
        "kept": ("kept", "forecast"),
        "other": ("other", "forecast"),
        "ours (mean of 3)": ("ours", "ensemble mean"),
        "ours (matched)": ("ours", "probability-matched mean"),
        "ours (member 0)": ("ours", "member 0"),
        "theirs": ("theirs", "forecast"),
    }
    result = {"rows": {name: {"method": m, "field": f} for name, (m, f) in rows.items()}}
    styles = line_styles(result, ("kept", "other"))
    assert {name: (look["color"], look["linestyle"]) for name, look in styles.items()} == {
        "kept": (BASELINE_LINES[0], "--"),
        "other": (BASELINE_LINES[1], "-."),
        "ours (mean of 3)": (LINES[0], "-"),
        "ours (matched)": (LINES[0], (0, (2, 1))),
        "ours (member 0)": (LINES[0], ":"),
        "theirs": (LINES[1], "-"),
    }
