"""Line charts: gaps stay gaps, and points lie inside the picture."""

from monitoring.review_page.lines import HEIGHT, WIDTH, Line, Point, figure


def places(line: Line) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for path in [*line.paths, *line.limit_paths]
        for x, _, y in (point.partition(",") for point in path.split())
    ]


def test_a_run_without_a_figure_is_a_gap() -> None:
    line = Line("share", [Point(value, 0.1) for value in (0.0, 0.2, None, 0.4)])
    assert [len(path.split()) for path in line.paths] == [2, 2]  # the last is a single point, drawn as a dot
    assert len(line.limit_paths[0].split()) == 4
    assert line.description == "share: 4 runs, from 0 to 0.400, last 0.400, limit 0.100"


def test_all_points_lie_inside_the_picture() -> None:
    for values in ([5.0], [2.0, 2.0], [-1.0, 3.0, 1e9], [0.0]):
        found = places(Line("cost", [Point(value, 1.0) for value in values], from_zero=True))
        assert found
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in found)


def test_a_higher_value_is_drawn_higher() -> None:
    [path] = Line("cost", [Point(1.0, None), Point(2.0, None)]).paths
    (_, low), (_, high) = (point.split(",") for point in path.split())
    assert float(high) < float(low)


def test_without_any_value_there_is_nothing_to_draw() -> None:
    line = Line("cost", [Point(None, None)])
    assert (line.paths, line.limit_paths, line.dot, line.last) == ([], [], None, None)
    assert line.description == "cost: not measured"


def test_figures_have_the_digits_that_matter() -> None:
    assert [figure(value) for value in (0.8476, 1.0, 195.734, 12_345.0, -0.011)] == [
        "0.848",
        "1",
        "195.73",
        "12,345",
        "-0.011",
    ]
