"""The directory: people who sign in with a password that LDAP or Active Directory keeps.

``door`` is the way in for the rest of the portal and knows no LDAP; ``client`` behind it does, and
is loaded only where a directory is set, because the demo has no python-ldap.

door.py      whether there is a directory, what it says of a name, or DirectoryUnavailable
client.py    the questions: may this password in, who is this, who are all these
servers.py   which server is asked, for how long, and which is passed over
line.py      a connection that cannot last longer than it may: TCP, TLS, StartTLS
entries.py   searches, and an entry read as a person
reading.py   what it said of many people
problems.py  what keeps it from answering
refusals.py  what people are told then
groups.py    the groups of a person, by each kind of group
standing.py  what follows from them: who may come in, who administers
"""
