"""One session of impacket's SMB client: python3 impacket_client.py HOST PORT USER PASSWORD SHARE DIALECT.

Speaks one dialect, or with 'any' starts with the SMB1 multi-protocol negotiate, and prints one JSON object that says
what it saw. A failed check ends it with a traceback.
"""

import io
import json
import struct
import sys

from impacket import smb3structs as smb2
from impacket.smbconnection import SMBConnection, SessionError

DIALECTS = {
    "any": None,
    "2.0.2": smb2.SMB2_DIALECT_002,
    "2.1": smb2.SMB2_DIALECT_21,
    "3.0": smb2.SMB2_DIALECT_30,
    "3.1.1": smb2.SMB2_DIALECT_311,
}
SIZES = [0, 1, 65535, 65536, 65537, 5 * 1024 * 1024 + 3]
ACCESS_DENIED = 0xC0000022
MEDIA_WRITE_PROTECTED = 0xC00000A2
LOGON_FAILURE = 0xC000006D
OBJECT_NAME_NOT_FOUND = 0xC0000034


def refused(codes, action):
    try:
        action()
    except SessionError as error:
        assert error.getErrorCode() in codes, hex(error.getErrorCode())
        return
    raise AssertionError("not refused")


def connected(host, port, dialect):
    return SMBConnection(host, host, sess_port=int(port), preferredDialect=DIALECTS[dialect], timeout=60)


def log_on(client, account, password):
    if client.getDialect() == smb2.SMB2_DIALECT_311:
        # Debian's impacket starts the session's pre-authentication hash from the connection's with Kerberos only.
        low = client.getSMBServer()
        low._Session["PreauthIntegrityHashValue"] = low._Connection["PreauthIntegrityHashValue"]
    client.login(account, password)


def pattern(size, seed):
    block = bytes((i * 131 + seed * 17 + (i >> 8)) & 0xFF for i in range(65536))
    return (block * (size // 65536 + 1))[:size]


def transfer(client, share, folder):
    for seed, size in enumerate(SIZES):
        sent = pattern(size, seed)
        client.putFile(share, f"{folder}\\{size}", io.BytesIO(sent).read)
        got = io.BytesIO()
        client.getFile(share, f"{folder}\\{size}", got.write)
        assert got.getvalue() == sent, f"{size} bytes came back different"
    listed = {
        entry.get_longname(): entry.get_filesize()
        for entry in client.listPath(share, f"{folder}\\*")
        if entry.get_longname() not in (".", "..")
    }
    assert listed == {str(size): size for size in SIZES}, listed


def truncate(client, share, folder):
    tree = client.connectTree(share)
    path = f"{folder}\\cut"
    file = client.createFile(tree, path)
    client.writeFile(tree, file, b"0123456789")
    low = client.getSMBServer()
    # FileEndOfFileInformation is class 20 of files.
    low.setInfo(tree, file, inputBlob=struct.pack("<Q", 4), infoType=smb2.SMB2_0_INFO_FILE, fileInfoClass=20)
    assert client.readFile(tree, file, 0, 10) == b"0123"
    low.setInfo(tree, file, inputBlob=struct.pack("<Q", 6), infoType=smb2.SMB2_0_INFO_FILE, fileInfoClass=20)
    assert client.readFile(tree, file, 0, 10) == b"0123\0\0", "what was cut off came back"
    client.closeFile(tree, file)
    client.disconnectTree(tree)
    client.deleteFile(share, path)


def names(client, share, folder):
    # impacket counts characters where the length of a name is in bytes: nothing beyond the basic plane.
    inner = f"{folder}\\inn\u00e9r \u65e5\u672c"
    client.createDirectory(share, inner)
    client.putFile(share, f"{inner}\\one", io.BytesIO(b"first").read)
    client.rename(share, f"{inner}\\one", f"{inner}\\tw\u00f6")
    client.putFile(share, f"{inner}\\tw\u00f6", io.BytesIO(b"2nd").read)
    got = io.BytesIO()
    client.getFile(share, f"{inner}\\tw\u00f6", got.write)
    assert got.getvalue() == b"2nd", "an overwritten file kept old bytes"
    refused([OBJECT_NAME_NOT_FOUND], lambda: client.getFile(share, f"{inner}\\one", got.write))
    client.deleteFile(share, f"{inner}\\tw\u00f6")
    client.deleteDirectory(share, inner)


def refusals(host, port, account, dialect, client):
    denied = [ACCESS_DENIED, MEDIA_WRITE_PROTECTED]
    refused(denied, lambda: client.createDirectory("fixed", "new"))
    refused(denied, lambda: client.putFile("fixed", "new", io.BytesIO(b"x").read))
    refused(denied, lambda: client.deleteFile("fixed", "there.txt"))
    other = connected(host, port, dialect)
    refused([LOGON_FAILURE], lambda: log_on(other, account, "wrong"))
    other.close()


def main(host, port, account, password, share, dialect):
    client = connected(host, port, dialect)
    log_on(client, account, password)
    shares = sorted(row["shi1_netname"][:-1] for row in client.listShares())
    folder = f"impacket {dialect}"
    client.createDirectory(share, folder)
    transfer(client, share, folder)
    truncate(client, share, folder)
    names(client, share, folder)
    for size in SIZES:
        client.deleteFile(share, f"{folder}\\{size}")
    client.deleteDirectory(share, folder)
    refusals(host, port, account, dialect, client)
    found = {"dialect": client.getDialect(), "shares": shares, "signing": bool(client.isSigningRequired())}
    client.logoff()
    client.close()
    print(json.dumps(found))


main(*sys.argv[1:])
