"""From a provider's notice to the open page, over the real WebSocket."""

from __future__ import annotations

from dataclasses import dataclass

from bench.child import Child, child
from bench.figures import Limit, Report, at_most, percentile
from bench.processes import pss_bytes, rss_bytes
from bench.run import Run
from bench.shop import Shop, Waiting, copy_waiting, make_shop, make_waiting
from bench.sockets import Push, Pushed, hold_pages, raise_file_limit
from bench.stack import Installation, installation, settle_down

PAGES = (100, 1_000, 5_000)
P50_MS, P99_MS, PAGE_KB = at_most(10), at_most(25), at_most(60)
PAUSE_SECONDS = 0.04
_FILES_FOR_OTHERS = 512
_JUDGED_FROM = 1_000
_OPEN_SECONDS = 180.0


def measure(run: Run) -> Report:
    """Latency and memory with more and more pages open."""
    report = Report("notice to open page")
    sizes = [count for count in PAGES if count <= _most_pages()]
    if len(sizes) < len(PAGES):
        report.notes.append(f"the limit of open files allows {_most_pages()} pages only")
    sizes = sizes[:2] if run.quick else sizes
    notices = run.pick(400, 120)
    with installation(run.cluster, "push", "bare") as place:
        limit = _measure_bare(run, place, sizes[-1])
        place.stop("bare")
        place.start("web", "worker", "scheduler")
        shop = make_shop(place)
        original = make_waiting(place, shop)
        with place.connect() as connection:
            waiting = copy_waiting(connection, original, sizes[-1])
            settle_down(connection)
        with child(hold_pages, place.address) as holder:
            _measure_sizes(run, report, place, shop, waiting, sizes, notices, holder, limit)
    return report


def _most_pages() -> int:
    """The server takes pages for at most half of its files; one process here holds them too."""
    return (raise_file_limit() - _FILES_FOR_OTHERS) // 2


@dataclass(frozen=True, slots=True)
class Bare:
    """The same number of sockets that do nothing, and one that says back what it hears."""

    echo_ms: list[float]
    page_kb: float


def _measure_bare(run: Run, place: Installation, pages: int) -> Bare:
    run.progress.say(f"push: the limit with {pages} bare sockets")
    with child(hold_pages, place.address) as holder:
        paths = [f"/echo?{number}" for number in range(pages)]
        few = PAGES[0]
        holder.ask("connect_only", paths[:few], seconds=_OPEN_SECONDS)
        before = pss_bytes(place.pids("bare"))
        holder.ask("connect_only", paths[few:], seconds=_OPEN_SECONDS)
        grown = pss_bytes(place.pids("bare")) - before
        echo_ms: list[float] = holder.ask("echo", paths[0], 500, seconds=60)
    return Bare(echo_ms, grown / max(1, pages - few) / 1024)


def _measure_sizes(
    run: Run,
    report: Report,
    place: Installation,
    shop: Shop,
    waiting: list[Waiting],
    sizes: list[int],
    notices: int,
    holder: Child,
    limit: Bare,
) -> None:
    """Pages stay open from size to size; each notice pays one of those opened last."""
    memory: dict[int, tuple[int, int]] = {}
    pool = iter(waiting)
    pages = 0
    for size in sizes:
        run.progress.say(f"push: opening pages until {size} wait")
        fresh = [next(pool) for _ in range(size - pages)]
        pages = holder.ask("open", [_path(one) for one in fresh], seconds=_OPEN_SECONDS)
        report.expect(pages == size, f"{pages} of {size} pages are open")
        memory[pages] = (pss_bytes(place.pids("web")), rss_bytes(place.pids("web")))
        paid = fresh[: min(notices, len(fresh))]
        run.progress.say(f"push: {len(paid)} notices with {pages} pages open")
        pushes = [
            Push(shop.hook_request(number, one.code), _path(one), b'data-state="paid"')
            for number, one in enumerate(paid, start=pages * 1000)
        ]
        before = place.cpu("web")["web"]
        pushed: Pushed = holder.ask("push", pushes, PAUSE_SECONDS, seconds=120)
        cpu = place.cpu("web")["web"] - before
        _add_latency(report, size, pushed, limit.echo_ms)
        report.notes.append(
            f"{size} pages: CPU ms a notice: web {1000 * cpu / len(paid):.2f}, the client itself"
            f" {1000 * pushed.client_cpu_seconds / len(paid):.2f}"
        )
    _add_memory(report, memory, limit)


def _path(one: Waiting) -> str:
    return f"/pay/{one.session_id}/live?lang=vi"


def _add_latency(report: Report, size: int, pushed: Pushed, limit: list[float]) -> None:
    judged = size >= _JUDGED_FROM
    for percent, target in ((50, P50_MS), (99, P99_MS)):
        report.add(
            f"{size} pages: p{percent}",
            percentile(pushed.latencies_ms, percent),
            "ms",
            target if judged else None,
            Limit("bare echo", percentile(limit, percent)),
        )
    report.expect(not pushed.refused, f"{size} pages: {pushed.refused[:3]}")
    report.expect(not pushed.missed, f"{size} pages: {pushed.missed} notices were not seen")


def _add_memory(report: Report, memory: dict[int, tuple[int, int]], bare: Bare) -> None:
    """From the first size to the last, so that what the first page loads is not counted."""
    (few, (pss_few, rss_few)), *_, (many, (pss_many, rss_many)) = memory.items()
    pages = many - few
    limit = Limit("bare socket", bare.page_kb)
    report.add("memory of a page, PSS", (pss_many - pss_few) / pages / 1024, "KB", PAGE_KB, limit)
    report.add("memory of a page, RSS", (rss_many - rss_few) / pages / 1024, "KB")
    report.add(f"web process with {many} pages, PSS", pss_many / 1024**2, "MB")
