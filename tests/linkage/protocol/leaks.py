"""Made-up outcomes of leakage reports: one that passed, one that was overruled."""

from __future__ import annotations

from linkage.protocol.leakage import AttackOutcome, LeakageSummary

GRAPH = AttackOutcome(
    sample="own rows", sample_records=1000, attack="similarity graph", groups=("GD", "SD"),
    share=0.006, baseline=0.001, over_limit=False,
)  # fmt: skip
KNOWN = AttackOutcome(
    sample="dense", sample_records=500, attack="50 known pairs", groups=("GD",), share=0.0,
    baseline=0.002222, over_limit=False,
)  # fmt: skip
LEAK = AttackOutcome(
    sample="dense", sample_records=500, attack="frequency", groups=("CLK",), share=0.654,
    baseline=0.002, over_limit=True,
)  # fmt: skip
PASSED = LeakageSummary(report="5a" * 32, verdict="passed", limit=0.02, attacks=(GRAPH, KNOWN))
OVERRULED = LeakageSummary(
    report="6b" * 32, verdict="overruled", limit=0.02, attacks=(KNOWN, LEAK),
    overruled="A trial with <invented> people.",
)  # fmt: skip
