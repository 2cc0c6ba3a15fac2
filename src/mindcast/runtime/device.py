"""Device and execution mode; the only place that decides them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from mindcast.config.schema import Runtime
from mindcast.graphs import keeping
from mindcast.refusal import Refusal
from mindcast.runtime.native import environment

ORDER = ("Ascend", "GPU", "CPU")


def require_precision(target: str, precision: str) -> None:
    """Refusal where it is certain, without asking the device, that it lacks a number type."""
    if target == "CPU" and precision == "bfloat16":
        raise Refusal(
            "runtime.precision = bfloat16: MindSpore has no products of that type on CPU; use "
            "--set runtime.precision=float32, or --device_target Ascend or GPU where there is one"
        )


def start(target: str, device_id: int, settings: Runtime, warn: bool = True) -> str:
    """Set up MindSpore on `target`, or on the next device that is there, and return its name.

    Order of fall-back: Ascend, GPU, CPU. A fall-back prints one warning line, and is a Refusal if
    `runtime.fallback` is false; without `warn` it is what was asked for. Refusal also where the
    device does not compute in `runtime.precision`.
    """
    require_precision(target, settings.precision)
    os.environ.update(environment())
    with native_output_hidden():
        import mindspore as ms

        used, why = _first_present(target, device_id)
    if used != target and warn:
        if not settings.fallback:
            raise Refusal(
                f"--device_target {target}: {why}; use --device_target {used} "
                "or --set runtime.fallback=true"
            )
        print(
            f"mindcast: warning: {target} was asked for, {used} is used: {why}",
            file=sys.stderr,
            flush=True,
        )
    # what repeats is compiled where `runtime.mode` is "graph"; all else runs operator by operator
    ms.set_context(mode=ms.PYNATIVE_MODE)
    if used == "CPU":
        ms.runtime.launch_blocking()  # queued dispatch costs more than the operators on CPU
    _require_products(used, settings.precision)
    _keep_graphs(settings, used)
    ms.set_seed(settings.seed)
    return used


def _require_products(used: str, precision: str) -> None:
    """Refusal unless the device multiplies two matrices of a number type.

    That is all that can be known before a network runs: MindSpore lists no number types of a
    device's convolutions.
    """
    require_precision(used, precision)  # again: another device may have taken the place
    if used == "CPU" or precision == "float32":
        return
    import mindspore as ms

    kind = {"float16": ms.float16, "bfloat16": ms.bfloat16}[precision]
    try:
        with native_output_hidden():
            one = ms.ops.ones((16, 16), kind)
            ms.ops.matmul(one, one).astype(ms.float32).asnumpy()
    except (RuntimeError, TypeError, ValueError) as error:
        raise Refusal(
            f"runtime.precision = {precision}: {used} does not multiply matrices of that type "
            f"({str(error).splitlines()[0].strip()}); use --set runtime.precision=float32"
        ) from None


def _keep_graphs(settings: Runtime, device: str) -> None:
    """Compiled graphs serve later runs on CPU; elsewhere none of this has been tried."""
    where = settings.compile_cache if device == "CPU" else ""
    note = keeping.begin(where, settings.compile_cache_mib)
    if note:
        print(f"mindcast: warning: {note}", file=sys.stderr, flush=True)


def _first_present(target: str, device_id: int) -> tuple[str, str]:
    import mindspore as ms

    why = ""
    for candidate in ORDER[ORDER.index(target) :]:
        try:
            ms.set_device(candidate, device_id if candidate != "CPU" else 0)
            return candidate, why
        except (RuntimeError, ValueError) as error:
            why = why or _reason(candidate, device_id, str(error))
    raise Refusal(f"--device_target {target}: {why}; MindSpore offers no device at all")


def _reason(target: str, device_id: int, message: str) -> str:
    if "Unsupported device target" in message:
        return f"this MindSpore finds no {target}"
    return f"{target} {device_id} cannot be used ({message.splitlines()[0].strip()})"


@contextlib.contextmanager
def native_output_hidden() -> Iterator[None]:
    """Keep MindSpore's own start-up messages, some from C++, off the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(kept, start=1):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
