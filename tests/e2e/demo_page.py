"""The demo page as tests use it: its values, its answer, and what the API says about the same customer."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

from playwright.sync_api import Page, expect

from demo.running_service import RunningService
from models.features import CONTRACT
from tests.e2e.conftest import PATIENCE_MILLISECONDS

expect.set_options(timeout=PATIENCE_MILLISECONDS)


def chance(probability: float) -> str:
    """Write a probability as the page does, if it is not nearly certain."""
    return str(int(100 * probability + 0.5))


class DemoPage:
    """The page of a service."""

    def __init__(self, page: Page, service: RunningService) -> None:
        self.page, self._url, self._port = page, service.url, service.port

    def open(self) -> "DemoPage":
        """Load the page, and wait for its first reasons."""
        self.page.goto(self._url)
        self.page.locator("#reasons li").first.wait_for()
        return self

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def predict(self, customers: Sequence[dict[str, Any]], *, query: str = "?explain=true") -> list[dict[str, Any]]:
        """Return the API's predictions of customers."""
        body = json.dumps({"customers": customers}).encode()
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("POST", f"/predict/batch{query}", body, {"Content-Type": "application/json"})
        with closing(connection):
            return list(json.load(connection.getresponse())["predictions"])

    def probabilities(self, feature: str, values: Sequence[Any]) -> list[float]:
        """Return the API's probabilities of the contract's example with other values of one feature."""
        found = self.predict([CONTRACT.example | {feature: value} for value in values], query="")
        return [one["churn_probability"] for one in found]

    def customer(self) -> dict[str, Any]:
        """Return the customer that the form shows."""
        return {feature.name: self._value(feature.name) for feature in CONTRACT.features}

    def _value(self, name: str) -> Any:
        feature = next(feature for feature in CONTRACT.features if feature.name == name)
        control = self.page.locator(f"#feature-{name}")
        if feature.nullable and control.is_disabled():
            return None
        if feature.kind == "boolean":
            return control.is_checked()
        if feature.kind == "category":
            return [*feature.categories, None][int(control.input_value())]
        return json.loads(control.input_value())

    def wait_for_answer(self) -> dict[str, Any]:
        """Wait until the page shows the API's answer to its values, and return that."""
        [answer] = self.predict([self.customer()])
        probability = json.dumps(answer["churn_probability"])
        expect(self.page.locator("#probability")).to_have_attribute("title", probability)
        expect(self.page.locator("#notice")).to_be_hidden()
        score = answer["explanation"]["score"]
        sign = "\N{MINUS SIGN}" if score < 0 else "+"
        expect(self.page.locator("#scores")).to_contain_text(f"it is {sign}{abs(score):.2f}.")
        return answer

    @contextmanager
    def dragging(self, name: str) -> Iterator[Callable[[float], None]]:
        """Hold the slider of a number; call the result to move it to a share of its length."""
        slider = self.page.locator(f"[data-name='{name}'] input[type=range]")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        height = box["y"] + box["height"] / 2
        start = slider.evaluate("slider => (slider.value - slider.min) / (slider.max - slider.min)")
        thumb = 12  # half of its width
        self.page.mouse.move(box["x"] + thumb + start * (box["width"] - 2 * thumb), height)
        self.page.mouse.down()

        def move(share: float) -> None:
            self.page.mouse.move(box["x"] + share * box["width"], height, steps=5)

        yield move
        self.page.mouse.up()
