"""Settings of `python -m training recalibrate`, from the command line or TRAINING_* variables."""

from models.customer.files.stores import LocalPath
from models.durations import Duration
from models.log.reporters import Reporters
from training.settings import LIVE, FitSettings, StoreSettings


class RecalibrateSettings(StoreSettings):
    """Correct the champion's probabilities by new outcomes, as a challenger with the same trees."""

    data: str = LIVE
    """Outcomes to learn from: `live` is the prediction log; or a file, a folder, or a database URL, as for `fit`."""
    query: str | None = None
    """SQL that selects the rows; required with a database URL."""
    columns: LocalPath | None = None
    """TOML file that maps the source's columns to the contract; by default the columns have the contract's names."""
    log_url: str = "sqlite:///var/predictions.db"
    """The prediction log, SQLite or PostgreSQL."""
    since: Duration | None = None
    """Age of the oldest predictions that are used, as 90m, 24h or 7d; by default all."""
    mature_after: Duration | None = None
    """Age at which nearly all outcomes have arrived, as 90m, 24h or 7d; younger predictions are left out."""
    trusted_reporters: Reporters = None
    """Reporters whose outcomes count, as crm,billing; by default all. The gate trusts only those named."""
    group_column: str | None = None
    """Column of the source with the id of each row's customer, whose rows stay together."""

    @property
    def of_fit(self) -> FitSettings:
        """The settings of a fit that reads the same rows; environment variables of other commands do not count."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return FitSettings.model_construct(**named)
