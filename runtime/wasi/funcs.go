package wasi

import "github.com/wedgecdn/wedge/runtime/hostcall"

// The two names under which toolchains import these functions. The older one differs in the layout of a subscription of
// poll_oneoff and of a file's attributes; files there are none.
const (
	Preview1 = "wasi_snapshot_preview1"
	Unstable = "wasi_unstable"
)

const (
	i32 = hostcall.I32
	i64 = hostcall.I64
)

// Funcs returns every function of preview 1, under both names. Each call makes a new list.
func Funcs() []hostcall.Func {
	return append(module(Preview1, preview1Subscription), module(Unstable, unstableSubscription)...)
}

func module(name string, sub subscriptionLayout) []hostcall.Func {
	const cost = 20 // of a call that copies next to nothing
	call := func(fn string, params []hostcall.ValueType, body func(s *State, c *hostcall.Call, p []uint64) errno) hostcall.Func {
		return hostcall.Func{
			Module: name, Name: fn, Params: params, Results: []hostcall.ValueType{i32}, Fuel: cost,
			Body: func(c *hostcall.Call, stack []uint64) {
				e := nosys
				if env, ok := c.State().(Env); ok {
					if s := env.WASI(); s != nil {
						e = body(s, c, stack)
					}
				}
				stack[0] = uint64(e)
			},
		}
	}
	p := func(t ...hostcall.ValueType) []hostcall.ValueType { return t }
	poll := call("poll_oneoff", p(i32, i32, i32, i32), sub.poll)
	poll.Waits = true

	return []hostcall.Func{
		call("args_get", p(i32, i32), argsGet),
		call("args_sizes_get", p(i32, i32), argsSizesGet),
		call("environ_get", p(i32, i32), environGet),
		call("environ_sizes_get", p(i32, i32), environSizesGet),
		call("clock_res_get", p(i32, i32), clockResGet),
		call("clock_time_get", p(i32, i64, i32), clockTimeGet),
		call("random_get", p(i32, i32), randomGet),
		call("sched_yield", p(), schedYield),
		poll,
		{Module: name, Name: "proc_exit", Params: p(i32), Fuel: cost, Body: procExit},
		call("proc_raise", p(i32), refuse(nosys)),

		call("fd_write", p(i32, i32, i32, i32), fdWrite),
		call("fd_read", p(i32, i32, i32, i32), fdRead),
		call("fd_fdstat_get", p(i32, i32), fdFdstatGet),
		call("fd_fdstat_set_flags", p(i32, i32), stream(success)),
		call("fd_close", p(i32), stream(success)),
		call("fd_sync", p(i32), stream(success)),
		call("fd_datasync", p(i32), stream(success)),

		// A stream has no place, no size, no attributes; any other descriptor is none.
		call("fd_advise", p(i32, i64, i64, i32), stream(spipe)),
		call("fd_allocate", p(i32, i64, i64), stream(spipe)),
		call("fd_fdstat_set_rights", p(i32, i64, i64), stream(notcapable)),
		call("fd_filestat_get", p(i32, i32), stream(notcapable)),
		call("fd_filestat_set_size", p(i32, i64), stream(inval)),
		call("fd_filestat_set_times", p(i32, i64, i64, i32), stream(notcapable)),
		call("fd_pread", p(i32, i32, i32, i64, i32), stream(spipe)),
		call("fd_pwrite", p(i32, i32, i32, i64, i32), stream(spipe)),
		call("fd_seek", p(i32, i64, i32, i32), stream(spipe)),
		call("fd_tell", p(i32, i32), stream(spipe)),
		call("fd_readdir", p(i32, i32, i32, i64, i32), stream(notcapable)),
		call("fd_renumber", p(i32, i32), stream(notcapable)),
		// Programs ask for the directories opened in advance, from 3 on, until the answer is EBADF.
		call("fd_prestat_get", p(i32, i32), refuse(badf)),
		call("fd_prestat_dir_name", p(i32, i32, i32), refuse(badf)),

		// A path is relative to a directory's descriptor, and there is none.
		call("path_create_directory", p(i32, i32, i32), stream(notcapable)),
		call("path_filestat_get", p(i32, i32, i32, i32, i32), stream(notcapable)),
		call("path_filestat_set_times", p(i32, i32, i32, i32, i64, i64, i32), stream(notcapable)),
		call("path_link", p(i32, i32, i32, i32, i32, i32, i32), stream(notcapable)),
		call("path_open", p(i32, i32, i32, i32, i32, i64, i64, i32, i32), stream(notcapable)),
		call("path_readlink", p(i32, i32, i32, i32, i32, i32), stream(notcapable)),
		call("path_remove_directory", p(i32, i32, i32), stream(notcapable)),
		call("path_rename", p(i32, i32, i32, i32, i32, i32), stream(notcapable)),
		call("path_symlink", p(i32, i32, i32, i32, i32), refuse(badf)),
		call("path_unlink_file", p(i32, i32, i32), stream(notcapable)),

		call("sock_accept", p(i32, i32, i32), stream(notsock)),
		call("sock_recv", p(i32, i32, i32, i32, i32, i32), stream(notsock)),
		call("sock_send", p(i32, i32, i32, i32, i32), stream(notsock)),
		call("sock_shutdown", p(i32, i32), stream(notsock)),
	}
}

// refuse answers e to everybody.
func refuse(e errno) func(*State, *hostcall.Call, []uint64) errno {
	return func(*State, *hostcall.Call, []uint64) errno { return e }
}

// stream answers e for stdin, stdout and stderr, and EBADF for any other descriptor, which is the first parameter.
func stream(e errno) func(*State, *hostcall.Call, []uint64) errno {
	return func(_ *State, _ *hostcall.Call, p []uint64) errno {
		if uint32(p[0]) > stderr {
			return badf
		}
		return e
	}
}
