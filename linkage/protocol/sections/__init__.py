"""The sections of an agreement, but for ``[scheme]``: one dataclass for each TOML table.

What stands in them is checked as far as one section can be by itself; `linkage.protocol.agreement`
checks that they fit each other, `linkage.protocol.binding` what people may be asked to sign.
"""
