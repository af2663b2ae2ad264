"""Comparing filters bit by bit: a plain numpy reference and a fast kernel that equals it."""

from linkage.similarity.blocks import BLOCK, Blocks, to_blocks
from linkage.similarity.dice import dice_pairs
from linkage.similarity.kernel import ScanRules, scan_rows
from linkage.similarity.reference import hamming_distances

__all__ = [
    "BLOCK",
    "Blocks",
    "ScanRules",
    "dice_pairs",
    "hamming_distances",
    "scan_rows",
    "to_blocks",
]
