"""How torch comes into the program: quickly, without its compiler, and without holding up other threads."""

import subprocess
import sys
import textwrap

SETTING = """
    import gc, os, sys, threading, time
    from engine.runtime.loading import load
"""


def outcome(code: str) -> list[str]:
    """The words that a fresh interpreter prints."""
    script = textwrap.dedent(SETTING) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_compiler_is_not_imported_and_still_works_when_it_is_asked_for() -> None:
    words = outcome("""
        load("engine.runtime.worker")
        import torch, torchvision
        from engine.detectors.registry import detector_infos, load_detector
        load_detector(next(info.id for info in detector_infos() if info.trained), "cpu")
        print("timm" in sys.modules, "torch._dynamo" in sys.modules)
        from torchvision.ops.roi_align import is_compile_supported
        print(is_compile_supported("cpu"), "torch._dynamo" in sys.modules)
        doubled = torch.compile(lambda x: 2 * x, backend="eager")(torch.ones(1))
        print(doubled.item(), hasattr(torch.compiler.disable(lambda: None), "__wrapped__"))
    """)
    assert words[:4] == ["True", "False", "True", "True"]
    assert words[4:] == ["2.0", "True"]


def test_the_collector_rests_while_torch_is_imported_and_never_looks_at_it_again() -> None:
    words = outcome("""
        runs = []
        gc.callbacks.append(lambda phase, info: runs.append(phase))
        load("engine.runtime.worker")
        print(len(runs), gc.isenabled(), gc.get_freeze_count() > 100_000, len(gc.get_objects()) < 20_000)
    """)
    assert words == ["0", "True", "True", "True"]


def test_the_threads_of_torch_sleep_while_they_wait() -> None:
    """libgomp reads how it is to wait when it is loaded, which must not happen before it has been told."""
    words = outcome("""
        os.environ.pop("OMP_WAIT_POLICY", None)
        os.environ["OMP_DISPLAY_ENV"] = "true"
        sys.modules.pop("engine.runtime.loading")
        os.dup2(1, 2)
        from engine.runtime.loading import load
        load("engine.runtime.worker")
    """)
    assert words[words.index("OMP_WAIT_POLICY") + 2] == "'PASSIVE'"
