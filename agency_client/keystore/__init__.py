"""An agency's private keys and secrets, kept in one folder under one passphrase.

``wrapping`` turns bytes into a file that only the passphrase opens, ``passphrase`` gets the
passphrase, ``store`` keeps the party's own keys, ``vault`` the linkage secrets, ``pins`` which
agreements it has worked under, and ``health`` looks a keystore over.
"""
