"""Selective self-distillation (P001, section 3.4): a trained LPS network teaches its copy where it is right.

    L = share * mean of CE(student, label) + (1 - share) * mean over examples that the teacher has right of
        KL( softmax(teacher / T) || softmax(student) )

Means stand where eq 6 prints sums, so that batches of any size weigh alike. Eq 6 prints KL(student, teacher) and
leaves the direction open; distillation as it was introduced (Hinton et al.) is the default, the printed order an
option.
"""

from typing import Literal

from torch import Tensor, nn

from engine.networks.lps.network import Lps

Direction = Literal["teacher-student", "student-teacher"]
AggregatorPart = Literal["out-gates", "all", "none"]


def selected_divergences(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    temperature: float = 1.0,
    direction: Direction = "teacher-student",
) -> Tensor:
    """Logits of both (B, 2), labels (B,) int64 with 1 = fake -> the divergence of each example selected, (R,).

    Args:
        temperature: T of eq 6, of the teacher's answers alone.

    Selected are those that the teacher has right, of the second sum in eq 6; no gradient goes to it.
    """
    teacher = teacher.detach()
    right = teacher.argmax(1) == labels
    taught = (teacher[right] / temperature).log_softmax(1)
    learnt = student[right].log_softmax(1)
    target, other = (taught, learnt) if direction == "teacher-student" else (learnt, taught)
    return (target.exp() * (target - other)).sum(1)


def distilled_parameters(network: Lps, part: AggregatorPart = "out-gates") -> list[nn.Parameter]:
    """What the student learns: its classifier and a part of its aggregators; P001 does not say which part."""
    modules: list[nn.Module] = [network.classifier]
    if network.config.aggregator and part != "none":
        aggregators = (network.forward_aggregator, network.backward_aggregator)
        modules += [one.out_gate if part == "out-gates" else one for one in aggregators]
    return [parameter for module in modules for parameter in module.parameters()]
