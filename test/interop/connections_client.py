"""Opens and closes many connections: python3 connections_client.py HOST PORT USER PASSWORD SHARE ROUNDS AT_ONCE.

In each round AT_ONCE clients connect, wait until all have, work, and leave in one of four ways: in good order, with
files open, by closing the socket of a session, and by closing a socket that never logged on. Prints the count.
"""

import sys
import threading

from impacket import smb3structs as smb2
from impacket.smbconnection import SMBConnection

DIALECTS = [smb2.SMB2_DIALECT_002, smb2.SMB2_DIALECT_21]


def one(host, port, account, password, share, index, barrier, failures):
    try:
        client = SMBConnection(host, host, sess_port=port, preferredDialect=DIALECTS[index % 2], timeout=120)
        barrier.wait(120)
        manner = index % 4
        if manner == 3:
            client.getSMBServer().get_socket().close()
            return
        client.login(account, password)
        tree = client.connectTree(share)
        file = client.createFile(tree, f"file {index}")
        client.writeFile(tree, file, b"x" * 1000)
        if manner == 0:
            client.closeFile(tree, file)
            client.deleteFile(share, f"file {index}")
            client.disconnectTree(tree)
            client.logoff()
        elif manner == 1:
            client.logoff()
        client.getSMBServer().get_socket().close()
    except Exception as error:  # every kind of failure is reported, none may hang the others
        barrier.abort()
        failures.append(f"client {index}: {error!r}")


def main(host, port, account, password, share, rounds, at_once):
    failures = []
    for _ in range(int(rounds)):
        barrier = threading.Barrier(int(at_once))
        threads = [
            threading.Thread(target=one, args=(host, int(port), account, password, share, index, barrier, failures))
            for index in range(int(at_once))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(int(rounds) * int(at_once) - len(failures))
    sys.exit("\n".join(failures[:10]) if failures else 0)


main(*sys.argv[1:])
