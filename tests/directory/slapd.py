"""A real OpenLDAP server for tests: rootless, on loopback, gone with the process that made it.

``Slapd`` is the server, ``Branch`` a part of its tree with people and groups of its own, so that
tests share one server and do not meet. Everything is written through LDAP, as overlays see it.
"""

import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import ldap
import ldap.modlist
from ldap.ldapobject import LDAPObject

from demo.people import CAST
from tests.directory.certificates import Authority
from tests.served import TIED_TO_THIS_PROCESS, free_port

SUFFIX = "dc=sekisho,dc=example"
MANAGER = f"cn=manager,{SUFFIX}"
MANAGER_PASSWORD = "manager-of-the-directory-in-tests"
SERVICE = f"cn=portal,ou=services,{SUFFIX}"
SERVICE_PASSWORD = "bind-password-of-the-portal-5b1f"
PASSWORDS = {person.name: person.password for person in CAST}
GROUP_CLASSES = {
    "posixGroup": ("posixGroup", "memberUid"),
    "groupOfNames": ("groupOfNames", "member"),
    "nestedGroupOfNames": ("groupOfNames", "member"),
    "groupOfUniqueNames": ("groupOfUniqueNames", "uniqueMember"),
    "activeDirectory": ("group", "member"),
    "nestedActiveDirectory": ("group", "member"),
}
_TRIES = 5

# What Active Directory has and OpenLDAP has not, as far as a portal reads it. entryUUID is hidden
# in that part of the tree, because there is none in Active Directory.
_ACTIVE_DIRECTORY_SCHEMA = """
attributetype ( 1.3.6.1.4.1.4203.666.77.1 NAME 'sAMAccountName'
    EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.2 NAME 'userAccountControl'
    EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.3 NAME 'objectGUID'
    EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.4 NAME 'userPrincipalName'
    EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.77.5 NAME 'user' SUP inetOrgPerson STRUCTURAL
    MUST ( sAMAccountName $ objectGUID ) MAY ( userAccountControl $ userPrincipalName ) )
objectclass ( 1.3.6.1.4.1.4203.666.77.6 NAME 'group' SUP top STRUCTURAL
    MUST cn MAY ( member $ sAMAccountName $ objectGUID $ description ) )
"""

# `allow bind_anon_dn`: a name without a password is "signed in" as nobody, as many directories
# do it. Whoever takes that for a right password lets everybody in.
_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include {folder}/active-directory.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy
pidfile {folder}/slapd.pid
threads 8
allow bind_anon_dn
sizelimit unlimited
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSVerifyClient never
database mdb
maxsize 67108864
suffix "{suffix}"
rootdn "{manager}"
rootpw {manager_password}
directory {folder}/data
dbnosync
index objectClass,uid,cn,member,memberUid,uniqueMember,entryUUID,sAMAccountName,objectGUID eq
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=active,{suffix}" attrs=entryUUID by * none
access to * by dn.exact="{service}" read by anonymous auth by * none
overlay memberof
memberof-group-oc groupOfNames
memberof-refint true
overlay memberof
memberof-group-oc group
memberof-refint true
overlay refint
refint_attributes member uniqueMember
refint_nothing "{service}"
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
ppolicy_hash_cleartext
ppolicy_use_lockout
"""


@dataclass
class Branch:
    """People and groups under one part of the tree.

    ``kind`` is the group type of its groups, in the words of ``AUTH_LDAP_GROUP_TYPE``; groups of
    other kinds may be added.
    """

    server: "Slapd"
    dn: str
    kind: str = "groupOfNames"
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(20000, 30000)))

    @property
    def is_active_directory(self) -> bool:
        """Whether its people look like those of Active Directory."""
        return self.kind in {"activeDirectory", "nestedActiveDirectory"}

    @property
    def people_base(self) -> str:
        """Where its people are."""
        return f"ou=people,{self.dn}"

    @property
    def groups_base(self) -> str:
        """Where its groups are."""
        return f"ou=groups,{self.dn}"

    def settings(self, *, secured_by: str = "", **changes: str) -> dict[str, str]:
        """Return what the portal needs to know; ``secured_by``: nothing, ``starttls``, ``ldaps``.

        ``changes`` replace or, when empty, remove a variable: ``AUTH_LDAP_ADMIN_GROUP="admins"``.
        """
        found = {
            "AUTH_LDAP_SERVER_URI": self.server.ldaps_url
            if secured_by == "ldaps"
            else self.server.url,
            "AUTH_LDAP_BIND_DN": SERVICE,
            "AUTH_LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
            "AUTH_LDAP_USER_SEARCH_BASE": self.people_base,
            "AUTH_LDAP_GROUP_SEARCH_BASE": self.groups_base,
            "AUTH_LDAP_GROUP_TYPE": self.kind,
        }
        if self.is_active_directory:
            found["AUTH_LDAP_USER_SEARCH_FILTER"] = "(sAMAccountName=%(user)s)"
        if secured_by:
            found["AUTH_LDAP_CA_CERT_FILE"] = str(self.server.authority.file)
        if secured_by == "starttls":
            found["AUTH_LDAP_START_TLS"] = "yes"
        return {name: value for name, value in {**found, **changes}.items() if value}

    def person(self, name: str, under: str = "") -> str:
        """Return the DN of a person; ``under`` is another part of the people's base."""
        attribute = "cn" if self.is_active_directory else "uid"
        base = f"ou={under},{self.people_base}" if under else self.people_base
        return f"{attribute}={ldap.dn.escape_dn_chars(name)},{base}"

    def group(self, name: str) -> str:
        """Return the DN of a group."""
        return f"cn={ldap.dn.escape_dn_chars(name)},{self.groups_base}"

    def add_person(self, name: str, password: str, **attributes: str) -> str:
        """Add a person (no group) and return their DN; ``attributes`` replace or add some."""
        entry = self._person_entry(name, password)
        entry |= {key: [value.encode()] for key, value in attributes.items()}
        dn = self.person(name)
        self.server.add(dn, entry)
        return dn

    def _person_entry(self, name: str, password: str) -> dict[str, list[bytes]]:
        number = str(next(self.numbers)).encode()
        entry = {
            "objectClass": [b"inetOrgPerson", b"posixAccount"],
            "cn": [name.encode()],
            "sn": [b"Doe"],
            "displayName": [name.capitalize().encode()],
            "mail": [b"person" + number + b"@sekisho.example"],
            "uid": [name.encode()],
            "uidNumber": [number],
            "gidNumber": [b"100"],
            "homeDirectory": [b"/home/" + number],
            "userPassword": [password.encode()],
        }
        if not self.is_active_directory:
            return entry
        for key in ("uid", "uidNumber", "gidNumber", "homeDirectory"):
            del entry[key]
        return entry | {
            "objectClass": [b"user"],
            "sAMAccountName": [name.encode()],
            "userPrincipalName": [f"{name}@sekisho.example".encode()],
            "userAccountControl": [b"512"],
            "objectGUID": [uuid.uuid4().bytes],
        }

    def delete_person(self, name: str) -> None:
        """Delete a person; groups of DNs forget them, posixGroups do not."""
        with self.server.writing() as connection:
            connection.delete_s(self.person(name))

    def recreate_person(self, name: str, password: str) -> None:
        """Delete a person and add somebody else under the same name: a new immutable id."""
        self.delete_person(name)
        self.add_person(name, password)

    def move_person(self, name: str, under: str) -> None:
        """Move a person to another part of the people's base: another DN, the same immutable id."""
        self.server.add_unit(f"ou={under},{self.people_base}")
        dn = self.person(name)
        with self.server.writing() as connection:
            connection.rename_s(dn, dn.partition(",")[0], f"ou={under},{self.people_base}")

    def set_password(self, name: str, password: str) -> None:
        """Give a person another password."""
        self.replace(self.person(name), "userPassword", password)

    def disable(self, name: str) -> None:
        """Disable a person: by Active Directory's flag, or as OpenLDAP's password policy does."""
        if self.is_active_directory:
            self.replace(self.person(name), "userAccountControl", "514")
        else:
            self.replace(self.person(name), "pwdAccountLockedTime", "000001010000Z")

    def enable(self, name: str) -> None:
        """Take ``disable`` back."""
        if self.is_active_directory:
            self.replace(self.person(name), "userAccountControl", "512")
        else:
            self.replace(self.person(name), "pwdAccountLockedTime", None)

    def replace(self, dn: str, attribute: str, value: str | None) -> None:
        """Give an attribute one value, or (None) none."""
        change = (ldap.MOD_REPLACE, attribute, [value.encode()] if value is not None else None)
        with self.server.writing() as connection:
            connection.modify_s(dn, [change])

    def add_group(
        self, name: str, *people: str, groups: tuple[str, ...] = (), kind: str = ""
    ) -> str:
        """Add a group with people (and groups) of this branch in it, and return its DN."""
        object_class, attribute = GROUP_CLASSES[kind or self.kind]
        members = [self._member(attribute, person) for person in people]
        members += [self.group(group).encode() for group in groups]
        entry = {"objectClass": [object_class.encode()], "cn": [name.encode()]}
        if object_class == "posixGroup":
            entry["gidNumber"] = [str(next(self.numbers)).encode()]
        elif object_class != "group":
            # These two kinds may not be without a member.
            members.append(SERVICE.encode())
        self.server.add(self.group(name), entry | ({attribute: members} if members else {}))
        return self.group(name)

    def add_member(self, group: str, person: str, kind: str = "") -> None:
        """Put a person into a group."""
        self._change_member(ldap.MOD_ADD, group, person, kind)

    def remove_member(self, group: str, person: str, kind: str = "") -> None:
        """Take a person out of a group."""
        self._change_member(ldap.MOD_DELETE, group, person, kind)

    def delete_group(self, name: str) -> None:
        """Delete a group."""
        with self.server.writing() as connection:
            connection.delete_s(self.group(name))

    def _change_member(self, operation: int, group: str, person: str, kind: str) -> None:
        attribute = GROUP_CLASSES[kind or self.kind][1]
        change = (operation, attribute, [self._member(attribute, person)])
        with self.server.writing() as connection:
            connection.modify_s(self.group(group), [change])

    def _member(self, attribute: str, person: str) -> bytes:
        return (person if attribute == "memberUid" else self.person(person)).encode()

    def empty(self) -> None:
        """Delete all people and groups."""
        for base in (self.people_base, self.groups_base):
            self.server.delete_below(base)


class Slapd:
    """The server. It stops, starts again with the same data and ports, hangs and goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self._port = self._secure_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        schema = folder / "active-directory.schema"
        schema.write_text(_ACTIVE_DIRECTORY_SCHEMA, encoding="utf-8")
        self._configure()
        # Ubuntu's AppArmor lets the installed program read /etc/ldap only; a copy has no profile.
        self._program = folder / "slapd"
        shutil.copy(_installed_program(), self._program)

    @property
    def url(self) -> str:
        """Plain LDAP, and StartTLS."""
        return f"ldap://127.0.0.1:{self._port}"

    @property
    def ldaps_url(self) -> str:
        """LDAP over TLS; the certificate is for 127.0.0.1 and localhost."""
        return f"ldaps://127.0.0.1:{self._secure_port}"

    def start(self) -> None:
        """Start; returns when it answers. The ports stay what they were at the first start."""
        for _ in range(_TRIES):
            ports = self._port or free_port(), self._secure_port or free_port()
            if self._starts_on(*ports):
                self._port, self._secure_port = ports
                return
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Stop: connections end, new ones are refused."""
        process = self._running()
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=10)
        self._process = None

    def kill(self) -> None:
        """Stop without a goodbye."""
        process = self._running()
        process.kill()
        process.wait(timeout=10)
        self._process = None

    def hang(self) -> None:
        """Answer nothing any more; the system still accepts connections for it."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after ``hang``."""
        self._running().send_signal(signal.SIGCONT)

    def recover(self) -> None:
        """Be up and answering, whatever a test did."""
        if self._process is None:
            self.start()
        else:
            self.resume()

    def __enter__(self) -> "Slapd":
        self.start()
        self._lay_foundation()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    @contextmanager
    def writing(self) -> Iterator[LDAPObject]:
        """A connection as the directory's manager."""
        connection = ldap.initialize(self.url)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 5)
        connection.set_option(ldap.OPT_TIMEOUT, 5)
        connection.simple_bind_s(MANAGER, MANAGER_PASSWORD)
        try:
            yield connection
        finally:
            connection.unbind_s()

    def add(self, dn: str, entry: Mapping[str, list[bytes]]) -> None:
        """Add an entry."""
        with self.writing() as connection:
            connection.add_s(dn, ldap.modlist.addModlist(dict(entry)))

    def add_unit(self, dn: str) -> None:
        """Add an organizational unit, unless it is there."""
        name = dn.partition(",")[0].partition("=")[2]
        with suppress(ldap.ALREADY_EXISTS):
            self.add(dn, {"objectClass": [b"organizationalUnit"], "ou": [name.encode()]})

    def delete_below(self, base: str) -> None:
        """Delete everything under an entry."""
        with self.writing() as connection:
            found = connection.search_s(base, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
            for dn in sorted((dn for dn, _ in found if dn != base), key=len, reverse=True):
                connection.delete_s(dn)

    def read(self, dn: str, attribute: str) -> list[bytes]:
        """Return an attribute's values, operational ones too."""
        with self.writing() as connection:
            ((_, entry),) = connection.search_s(dn, ldap.SCOPE_BASE, attrlist=[attribute])
        values: list[bytes] = entry.get(attribute, [])
        return values

    def branch(self, name: str, kind: str = "groupOfNames") -> Branch:
        """Make an empty part of the tree."""
        above = "active" if kind in {"activeDirectory", "nestedActiveDirectory"} else "branches"
        branch = Branch(self, f"ou={name},ou={above},{SUFFIX}", kind)
        for dn in (branch.dn, branch.people_base, branch.groups_base):
            self.add_unit(dn)
        return branch

    def populated_branch(self, name: str, kind: str = "groupOfNames") -> Branch:
        """Make a part of the tree with the cast and some groups.

        engineers: ann, bob. payments: ann. admins: dana. staff: ann, bob, carol, dana.
        left: nobody. Nested kinds also have: everyone, with the groups engineers and admins in it;
        ring and circle, in each other, with carol in circle.
        """
        branch = self.branch(name, kind)
        for person, password in PASSWORDS.items():
            branch.add_person(person, password)
        branch.add_group("engineers", "ann", "bob")
        branch.add_group("payments", "ann")
        branch.add_group("admins", "dana")
        branch.add_group("staff", *PASSWORDS)
        branch.add_group("left")
        if kind.startswith("nested"):
            branch.add_group("everyone", groups=("engineers", "admins"))
            branch.add_group("ring", groups=("circle",))
            branch.add_group("circle", "carol", groups=("ring",))
        return branch

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "slapd does not run"
        return self._process

    def _configure(self) -> None:
        mine = self.authority.certify("localhost", "127.0.0.1")
        text = _CONFIGURATION.format(
            folder=self.folder,
            suffix=SUFFIX,
            manager=MANAGER,
            manager_password=MANAGER_PASSWORD,
            service=SERVICE,
            ca=self.authority.file,
            certificate=mine.certificate,
            key=mine.key,
        )
        (self.folder / "slapd.conf").write_text(text, encoding="utf-8")

    def _starts_on(self, port: int, secure_port: int) -> bool:
        urls = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{secure_port}/"
        server = (self._program, "-d", "0", "-f", self.folder / "slapd.conf", "-h", urls)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                (*TIED_TO_THIS_PROCESS, *server), stdout=log, stderr=log, cwd=self.folder
            )
        while True:
            with suppress(ldap.SERVER_DOWN):
                ldap.initialize(f"ldap://127.0.0.1:{port}").simple_bind_s()
                self._process = process
                return True
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.01)
                return False

    def _lay_foundation(self) -> None:
        top = SUFFIX.partition(",")[0].partition("=")[2].encode()
        self.add(
            SUFFIX,
            {"objectClass": [b"dcObject", b"organization"], "dc": [top], "o": [b"Sekisho"]},
        )
        self.add(
            f"cn=policy,{SUFFIX}",
            {
                "objectClass": [b"device", b"pwdPolicy"],
                "cn": [b"policy"],
                "pwdAttribute": [b"userPassword"],
                "pwdLockout": [b"TRUE"],
            },
        )
        for name in ("services", "branches", "active"):
            self.add_unit(f"ou={name},{SUFFIX}")
        self.add(
            SERVICE,
            {
                "objectClass": [b"organizationalRole", b"simpleSecurityObject"],
                "cn": [b"portal"],
                "userPassword": [SERVICE_PASSWORD.encode()],
            },
        )


def _installed_program() -> str:
    found = shutil.which("slapd", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    assert found, "slapd is not installed"
    return found
