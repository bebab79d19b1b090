package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// refuseHandshakes makes the kernel drop packets that would begin a
// connection, and no others: a client that comes now tries again a second
// later, when the socket is closed, and is told so; one whose handshake is
// under way gets through. Where that fails the socket goes on as before, and
// what comes in its last moment is reset.
func refuseHandshakes(tcp *net.TCPListener) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// Octet 13 of a TCP header holds the flags; all but the first packet of a
	// connection have ACK (RFC 9293 §3.1). Accepted connections inherit the
	// filter, to which all their packets are welcome.
	const flags, ack = 13, 0x10
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: ack, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18}, // all of the packet
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},       // none
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}
