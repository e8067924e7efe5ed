"""Opens what parts are worked on with: this process, or a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from training.partitioned.cluster.errors import ClusterPackagesMissing
from training.partitioned.executor import Executor, InProcess


@contextmanager
def opened(cluster: str | None) -> Iterator[Executor]:
    """Open this process, or the cluster at an address; processes that are started for it end with the context.

    Raises:
        ClusterPackagesMissing: the packages for a cluster are not installed.
        ClusterUnreachable, ClusterUnfit: the cluster cannot do the work.
    """
    if cluster is None:
        yield InProcess()
        return
    try:
        from training.partitioned.cluster import dask_cluster  # noqa: PLC0415  # Dask is imported only where it is used
    except ModuleNotFoundError as error:
        raise ClusterPackagesMissing(package=error.name) from error
    with dask_cluster.connect(cluster) as executor:
        yield executor
