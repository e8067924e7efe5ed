"""`python -m demo.static_site`: builds the demo page as a static site. Exit code 0: built; 2: not built."""

import sys
from pathlib import Path

from models import plain_text
from models.errors import ModelsError

MODELS, SITE, CACHE = Path("models"), Path("var", "site", "demo"), Path("var", "npm")


def main() -> int:
    """Build the site of the pinned model, or print why it cannot be built."""
    try:
        # The imports may raise ContractError, which is printed below.
        from demo.static_site import build, onnxruntime_web  # noqa: PLC0415
        from models.bundles import bundle  # noqa: PLC0415
        from models.features import CONTRACT  # noqa: PLC0415

        pinned = bundle.load(MODELS, contract=CONTRACT, without_customers=True)
        build.build(build.Model.of(pinned, pinned.contract), SITE, runtime=onnxruntime_web.fetch(CACHE))
    except ModelsError as error:
        sys.stderr.write(f"{plain_text.printable(str(error))}\n")
        return 2
    sys.stdout.write(f"{SITE} has the demo page with model {pinned.manifest.version}; any static host can serve it\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
