"""Disclosures from a party's side: nothing the matcher says is believed that doesn't verify."""
