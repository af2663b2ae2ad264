"""An agency's private keys and secrets, kept in one folder under one passphrase.

``wrapping`` turns bytes into a file that only the passphrase opens, ``passphrase`` gets the
passphrase, ``store`` keeps the party's own keys, ``health`` looks a keystore over.
"""
