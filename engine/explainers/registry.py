"""Every explainer by its id."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.detectors.registry import detector_spec
from engine.errors import UsageError
from engine.explainers.base import Explainer
from engine.explainers.gradcam import GradCam
from engine.explainers.kernel_shap import KernelShap

EXPLAINERS: dict[str, type[Explainer]] = {kind.id: kind for kind in (GradCam, KernelShap)}


def load_explainer(
    explainer_id: str, detector_id: str, settings: Mapping[str, object] = MappingProxyType({})
) -> Explainer:
    """An explainer that works on a detector.

    Raises:
        UsageError: unknown, it does not work on that detector, or it has no such setting.
    """
    fitting = detector_spec(detector_id).explainers
    if explainer_id not in fitting:
        problem = "does not work on" if explainer_id in EXPLAINERS else "is not known to"
        raise UsageError(
            f"The explainer {explainer_id} {problem} {detector_id}", advice=f"Choose one of {', '.join(fitting)}"
        )
    if settings:
        raise UsageError(
            f"The explainer {explainer_id} has no setting {', '.join(settings)}", advice="Leave the settings out"
        )
    return EXPLAINERS[explainer_id]()
