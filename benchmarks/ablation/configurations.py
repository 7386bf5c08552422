"""Which networks the papers' ablation tables compare, as settings over those of a small training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Settings = Mapping[str, Any]
"""Names and values as a recipe has them."""


@dataclass(frozen=True)
class Configuration:
    """One row of a table.

    Attributes:
        name: as it is asked for and printed.
        stands_for: which row of which table of the paper.
        settings: over the table's, in every phase; with another detector, all there are.
        phases: in place of the table's; empty: the table's.
        after: name of the configuration whose weights it begins with; empty: as the table begins.
        detector: id, if it is not the table's.
        svm: nothing is trained; a support vector machine judges what the weights of `after` see.
    """

    name: str
    stands_for: str
    settings: Settings = field(default_factory=dict)
    phases: tuple[Settings, ...] = ()
    after: str = ""
    detector: str = ""
    svm: bool = False


@dataclass(frozen=True)
class Table:
    """The ablations of one paper.

    Attributes:
        id: as it is asked for.
        title: of its part of the document.
        detector: id.
        start: id of the trained frame detector whose trunk all begin with; empty: from random weights.
        settings: of all configurations.
        phases: of most.
        configurations: the first is the whole network, to which the others are compared.
    """

    id: str
    title: str
    detector: str
    start: str
    settings: Settings
    phases: tuple[Settings, ...]
    configurations: tuple[Configuration, ...]

    def named(self, name: str) -> Configuration:
        """Raises KeyError for a name that none of its configurations has."""
        return {one.name: one for one in self.configurations}[name]

    def chosen(self, names: Sequence[str]) -> tuple[Configuration, ...]:
        """Those of these names, all without any, and before each the one whose weights it begins with.

        Raises KeyError as `named`.
        """
        asked = [self.named(name) for name in names] or self.configurations
        wanted = {name for one in asked for name in (one.name, one.after)}
        return tuple(one for one in self.configurations if one.name in wanted)


_SMALL: Settings = {
    "seed": 1,
    "workers": 0,  # so that all processor time is that of one process
    "bf16": False,
    "validate_every": 1_000_000,  # once, at the end: nothing is chosen by held-out clips
    "validation_pairs": 1,
}

SNIPPET = Table(
    "snippet",
    "Intra-SIM and Inter-SIM (P003, tables 4, 5 and 6)",
    "snippet-compact",
    "frame-mobile-ltpa",
    {
        **_SMALL,
        "size": 64,
        "pairs": 2,
        "steps": 60,
        "learning_rate": 6e-4,
        "warm_up": 8,
        "cool_down": 0.5,
        "average": 0.9,
        "frozen_stages": 3,
    },
    ({},),
    (
        Configuration("whole", "P003 table 4 row 4, table 5 row 4, table 6 last row"),
        Configuration("without modules", "P003 table 4 row 1, the plain trunk", {"intra": False, "inter": False}),
        Configuration("intra alone", "P003 table 4 row 2", {"inter": False}),
        Configuration("inter alone", "P003 table 4 row 3", {"intra": False}),
        Configuration("without LK", "P003 table 5 row 3 (BP and CA)", {"learned_kernel": False}),
        Configuration(
            "without CA and LK", "P003 table 5 row 2 (BP)", {"coordinate": False, "learned_kernel": False}
        ),
        Configuration(
            "without BP, CA and LK",
            "P003 table 5 row 1",
            {"bidirectional": False, "coordinate": False, "learned_kernel": False},
        ),
        Configuration("stages 1-2", "P003 table 6 row 1", {"last_stage": 2}),
        Configuration("stages 2-3", "P003 table 6 row 2", {"first_stage": 2, "last_stage": 3}),
        Configuration("stages 3-4", "P003 table 6 row 3", {"first_stage": 3}),
        Configuration("stages 2-4", "P003 table 6 row 4", {"first_stage": 2}),
        Configuration("stages 1-3", "P003 table 6 row 5", {"last_stage": 3}),
        Configuration("without BP", "not in P003: BP alone left out", {"bidirectional": False}),
        Configuration("without CA", "not in P003: CA alone left out", {"coordinate": False}),
    ),
)

_PROTOTYPES: Settings = {
    **_SMALL,
    "size": 96,
    "pairs": 3,
    "steps": 80,
    "learning_rate": 6e-4,
    "warm_up": 8,
    "cool_down": 0.5,
    "average": 0.9,
}

DPNET = Table(
    "dpnet",
    "Prototypes (P000, tables 3 and 5)",
    "dpnet-compact",
    "frame-mobile-ltpa",
    {
        **_PROTOTYPES,
        "side": 160,
        "bound": 4.0,
        "push_every": 1000,  # once at the beginning, behind the warm epoch, and at the end
        "projection_pairs": 48,
    },
    ({},),
    (
        Configuration("m_k = 10", "P000 table 5a row 1, with 10 fields (5b) and diversity (5c)"),
        Configuration("0 fields", "P000 table 5b row 1, table 3 ProtoPNet", {"fields": 0}),
        Configuration("without diversity", "P000 table 5c row 1", {"diversity": 0.0}),
        Configuration("m_k = 25", "P000 table 5a row 2", {"per_class": 25}),
        Configuration("m_k = 50", "P000 table 5a row 3", {"per_class": 50}),
        Configuration("m_k = 100", "P000 table 5a row 4", {"per_class": 100}),
        Configuration("5 fields", "P000 table 5b row 2", {"fields": 5}),
        Configuration("15 fields", "P000 table 5b row 4", {"fields": 15}),
        Configuration(
            "trunk alone",
            "P000 table 3 HRNet, here the mean logit of a linear layer on the trunk of 4 successive pictures",
            {
                **_PROTOTYPES,
                "intra": False,
                "inter": False,
                "snippets": 1,
                "spread": 0.0,
                "frame_weight": 0.0,
                "smoothing": 0.0,
                "frozen_stages": 0,
            },
            detector="snippet-compact",
        ),
    ),
)

_PRETRAIN: Settings = {"stage": "pretrain", "steps": 50}
_FINETUNE: Settings = {"stage": "finetune", "steps": 50, "seed": 2}
_WHOLE = "LPS"


def _distilled(share: float, temperature: float) -> Configuration:
    row = f"P001 table 5, lambda {share:g} and T {temperature:g}"
    if (share, temperature) == (0.7, 1.0):
        row += "; table 1 LPS_ssd"
    phase = {
        "stage": "distil",
        "steps": 30,
        "seed": 3,
        "learning_rate": 1e-4,
        "share": share,
        "temperature": temperature,
    }
    return Configuration(f"ssd {share:g} {temperature:g}", row, phases=(phase,), after=_WHOLE)


LPS = Table(
    "lps",
    "Latent pattern sensing (P001, tables 1, 3, 4, 5 and figure 8)",
    "lps-compact",
    "",
    {
        **_SMALL,
        "size": 64,
        "pairs": 2,
        "optimiser": "adam",
        "weight_decay": 1e-5,
        "learning_rate": 1e-3,
        "trunk_rate": 0.1,
        "warm_up": 5,
        "cool_down": 0.5,
        "average": 0.9,
    },
    (_PRETRAIN, _FINETUNE),
    (
        Configuration(_WHOLE, "P001 table 1 LPS, pre-trained on real clips alone"),
        Configuration("ri", "P001 table 1 LPS_ri", phases=({**_FINETUNE, "trunk_rate": 1.0},)),
        Configuration(
            "pre-trained on all", "P001's own pre-training, on real and forged clips", {"footage": "all"}
        ),
        Configuration("svm", "P001 table 4 LPS_c", after=_WHOLE, svm=True),
        _distilled(0.7, 1.0),
        Configuration("without alignment", "P001 table 3", {"aligned": False}),
        Configuration("without encoder", "P001 figure 8, left", {"encoder": "none"}),
        Configuration("without aggregator", "P001 figure 8, centre", {"aggregator": False}),
        Configuration("without memory", "P001 figure 8, right", {"memory": False}),
        _distilled(0.1, 1.0),
        _distilled(0.4, 1.0),
        _distilled(1.0, 1.0),
        _distilled(0.7, 2.0),
        _distilled(0.7, 5.0),
        _distilled(0.7, 10.0),
        Configuration("inception", "P001 table 4 LPS_e", {"encoder": "inception"}),
    ),
)

TABLES = {table.id: table for table in (DPNET, LPS, SNIPPET)}
