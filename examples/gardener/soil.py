def is_dry(report):
    """Whether somebody should water there today."""
    return report["sky"] != "rainy" and report["celsius"] >= 15
