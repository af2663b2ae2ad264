"""The console: pages that show a party what it may see, to be read in a browser.

It shows. Whatever binds anybody is signed by the party's client: a page that could approve would be
one in which the matcher's operator could.
"""
