"""What the service is compared with answers in the service's own words."""

from pathlib import Path

import pytest

from benchmarks.measuring import contenders, process
from benchmarks.measuring.contenders import BARE, EMPTY, OURS, PLAIN, Contender
from service.http.schemas import Prediction

pytestmark = pytest.mark.shipped


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contender]:
    return {one.name: one for one in contenders.all_of_them(tmp_path_factory.mktemp("pipeline"))}


@pytest.mark.parametrize("name", [OURS, EMPTY, BARE, PLAIN])
def test_a_contender_answers_with_a_prediction(name: str, everybody: dict[str, Contender], tmp_path: Path) -> None:
    with process.running(everybody[name], tmp_path / "server.log") as server:
        status, answer = server.predict()
    assert status == 200
    assert 0 < Prediction.model_validate_json(answer).churn_probability < 1


def test_the_bare_server_answers_as_many_bytes_as_the_service(everybody: dict[str, Contender], tmp_path: Path) -> None:
    sizes = []
    for name in (OURS, BARE):
        with process.running(everybody[name], tmp_path / "server.log") as server:
            sizes.append(len(server.predict()[1]))
    assert sizes[0] == pytest.approx(sizes[1], abs=4)  # the last digits of a probability
