"""Who is signed in to the console: by a link that the party's client has signed, for a while."""
