"""Every explainer by its id."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.detectors.foreign.shelf import is_foreign
from engine.detectors.registry import explainers_of
from engine.errors import UsageError
from engine.explainers.attention import Attention
from engine.explainers.base import Explainer
from engine.explainers.gradcam import GradCam
from engine.explainers.kernel_shap import KernelShap
from engine.explainers.ltpa import Ltpa
from engine.explainers.settings import setting_infos, settings_of
from engine.results import DetectorInfo, ExplainerInfo, SettingInfo

EXPLAINERS: dict[str, type[Explainer]] = {kind.id: kind for kind in (GradCam, Ltpa, Attention, KernelShap)}


def load_explainer(
    explainer_id: str, detector_id: str, settings: Mapping[str, object] = MappingProxyType({})
) -> Explainer:
    """An explainer that works on a detector; settings, as values or as text, that are not given are by default.

    Raises:
        UsageError: unknown, it does not work on that detector, it has no such setting or not with that value.
    """
    kind = _fitting(explainer_id, detector_id)
    return kind(settings_of(kind.settings_type, explainer_id, settings, kind.names(detector_id)))


def explainer_infos(detectors: Iterable[DetectorInfo] = ()) -> tuple[ExplainerInfo, ...]:
    """All explainers, with what can be set of them on those of the detectors that are trained."""
    trained = [detector for detector in detectors if detector.trained]
    return tuple(
        ExplainerInfo(
            kind.id,
            kind.signed,
            kind.slow,
            MappingProxyType(
                {
                    detector.id: setting_infos(kind.settings_type, kind.names(detector.id))
                    for detector in trained
                    if kind.id in detector.explainers
                }
            ),
        )
        for kind in EXPLAINERS.values()
    )


def explainer_settings(explainer_id: str, detector_id: str) -> tuple[SettingInfo, ...]:
    """What can be set of an explainer on a detector.

    Raises:
        UsageError: unknown, or it does not work on that detector.
    """
    kind = _fitting(explainer_id, detector_id)
    return setting_infos(kind.settings_type, kind.names(detector_id))


def _fitting(explainer_id: str, detector_id: str) -> type[Explainer]:
    fitting = explainers_of(detector_id)
    if explainer_id not in fitting:
        problem = "does not work on" if explainer_id in EXPLAINERS else "is not known to"
        if explainer_id in EXPLAINERS and is_foreign(detector_id):
            problem = (
                "looks into the network, and of a foreign model only the scores can be had; it cannot explain"
            )
        raise UsageError(
            f"The explainer {explainer_id} {problem} {detector_id}", advice=f"Choose one of {', '.join(fitting)}"
        )
    return EXPLAINERS[explainer_id]
