"""Every explainer by its id."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.detectors.foreign.shelf import is_foreign
from engine.detectors.registry import explainers_of, judges_clips
from engine.errors import UsageError
from engine.explainers.attention import Attention
from engine.explainers.base import AnyExplainer, ClipExplainer, Explainer
from engine.explainers.clip_gradcam import ClipGradCam
from engine.explainers.clip_kernel_shap import ClipKernelShap
from engine.explainers.gradcam import GradCam
from engine.explainers.kernel_shap import KernelShap
from engine.explainers.ltpa import Ltpa
from engine.explainers.prediction_error import PredictionError
from engine.explainers.prototype_gradient import PrototypeGradient
from engine.explainers.prototypes import Prototypes
from engine.explainers.second_difference import SecondDifference
from engine.explainers.settings import setting_infos, settings_of
from engine.explainers.snippet_attention import SnippetAttention
from engine.results import DetectorInfo, ExplainerInfo, SettingInfo

EXPLAINERS: dict[str, type[Explainer]] = {kind.id: kind for kind in (GradCam, Ltpa, Attention, KernelShap)}
"""Those of detectors of single crops."""
CLIP_EXPLAINERS: dict[str, type[ClipExplainer]] = {
    kind.id: kind
    for kind in (
        ClipGradCam,
        SnippetAttention,
        Prototypes,
        PrototypeGradient,
        SecondDifference,
        PredictionError,
        ClipKernelShap,
    )
}
"""Those of detectors of clips; an id may stand for one of each."""


def load_explainer(
    explainer_id: str, detector_id: str, settings: Mapping[str, object] = MappingProxyType({})
) -> AnyExplainer:
    """An explainer that works on a detector; settings, as values or as text, that are not given are by default.

    Raises:
        UsageError: unknown, it does not work on that detector, it has no such setting or not with that value.
    """
    kind = _fitting(explainer_id, detector_id)
    return kind(settings_of(kind.settings_type, explainer_id, settings, kind.names(detector_id)))


def explainer_infos(detectors: Iterable[DetectorInfo] = ()) -> tuple[ExplainerInfo, ...]:
    """All explainers, with what can be set of them on those of the detectors that are trained."""
    trained = [detector for detector in detectors if detector.trained]
    kinds: dict[str, type[AnyExplainer]] = {**CLIP_EXPLAINERS, **EXPLAINERS}
    order = dict.fromkeys([*EXPLAINERS, *CLIP_EXPLAINERS])
    return tuple(
        ExplainerInfo(
            explainer_id,
            kinds[explainer_id].signed,
            kinds[explainer_id].slow,
            MappingProxyType(
                {
                    detector.id: explainer_settings(explainer_id, detector.id)
                    for detector in trained
                    if explainer_id in detector.explainers
                }
            ),
        )
        for explainer_id in order
    )


def explainer_settings(explainer_id: str, detector_id: str) -> tuple[SettingInfo, ...]:
    """What can be set of an explainer on a detector.

    Raises:
        UsageError: unknown, or it does not work on that detector.
    """
    kind = _fitting(explainer_id, detector_id)
    return setting_infos(kind.settings_type, kind.names(detector_id))


def _fitting(explainer_id: str, detector_id: str) -> type[AnyExplainer]:
    fitting = explainers_of(detector_id)
    if explainer_id not in fitting:
        known = explainer_id in EXPLAINERS or explainer_id in CLIP_EXPLAINERS
        problem = "does not work on" if known else "is not known to"
        if known and is_foreign(detector_id):
            problem = (
                "looks into the network, and of a foreign model only the scores can be had; it cannot explain"
            )
        raise UsageError(
            f"The explainer {explainer_id} {problem} {detector_id}", advice=f"Choose one of {', '.join(fitting)}"
        )
    return CLIP_EXPLAINERS[explainer_id] if judges_clips(detector_id) else EXPLAINERS[explainer_id]
