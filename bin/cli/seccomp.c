/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.c - two filters of system calls
 *
 * A filter is a program for the kernel's classic BPF machine, which sees the
 * number of a call and its arguments, as numbers, before the call is made.
 * Ours compare the number with one after the other:
 *
 *     another architecture, or the x32 form of calls     EPERM
 *     number is in the list                              action
 *     number is N and (argument & mask) == value ...     action
 *     anything else                                      otherwise
 *
 * All arguments that are looked at are of type int, or have their bits in the
 * lower half.  (libseccomp would write such programs too; version 2.5.4 of it
 * dies by a signal where memory ends while it does.)
 */
#include "cli/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifndef ARCH

int
sov_seccomp_first(void)
{
    errno = ENOSYS;
    return -1;
}

int
sov_seccomp_last(bool files)
{
    (void)files;
    errno = ENOSYS;
    return -1;
}

#else

/* Newer than some C libraries, with one number everywhere. */
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_IO_URING_SETUP    425
#define NR_IO_URING_ENTER    426
#define NR_IO_URING_REGISTER 427
#define NR_OPEN_TREE         428
#define NR_MOVE_MOUNT        429
#define NR_FSOPEN            430
#define NR_FSMOUNT           432
#define NR_FSPICK            433
#define NR_PIDFD_OPEN        434
#define NR_CLONE3            435
#define NR_PIDFD_GETFD       438
#define NR_FACCESSAT2        439
#define NR_PROCESS_MADVISE   440
#define NR_MOUNT_SETATTR     442
#define NR_MEMFD_SECRET      447
#define NR_FUTEX_WAITV       449

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define ABSENT (SECCOMP_RET_ERRNO | ENOSYS)

#define X32 0x40000000u /* of a number, on x86-64 */

/* Never needed, and of use to somebody who has got into the process.  An
 * io_uring would do calls that no filter sees. */
static const int forbidden[] = {
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept,
    SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_execve,
    SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    NR_PROCESS_MADVISE, NR_PIDFD_OPEN, NR_PIDFD_GETFD, NR_PIDFD_SEND_SIGNAL,
    SYS_kcmp, NR_IO_URING_SETUP, NR_IO_URING_ENTER, NR_IO_URING_REGISTER,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_memfd_create,
    NR_MEMFD_SECRET, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_mount,
    SYS_umount2, NR_MOVE_MOUNT, NR_FSOPEN, NR_FSMOUNT, NR_FSPICK, NR_OPEN_TREE,
    NR_MOUNT_SETATTR, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
    SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid, SYS_capset,
    SYS_personality, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_quotactl,
    SYS_acct, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime,
    SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_mknodat,
    SYS_symlinkat, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_shmget,
    SYS_shmat, SYS_msgget, SYS_semget, SYS_mq_open, SYS_vmsplice,
#ifdef __x86_64__
    SYS_fork, SYS_vfork, SYS_mknod, SYS_symlink, SYS_modify_ldt, SYS_iopl,
    SYS_ioperm, SYS_kexec_file_load,
#endif
};

/* What computing, reading what is open and writing what is open need; a thread
 * may be at its first calls still. */
static const int needed[] = {
    SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_preadv2, SYS_write,
    SYS_writev, SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat, SYS_ppoll,
    SYS_pselect6, SYS_futex, NR_FUTEX_WAITV, SYS_munmap, SYS_mremap,
    SYS_madvise, SYS_brk, SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
    SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigtimedwait, SYS_sigaltstack,
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
    SYS_gettimeofday, SYS_sched_yield, SYS_sched_getaffinity, SYS_getrandom,
    SYS_restart_syscall, SYS_getpid, SYS_gettid, SYS_getppid,
    SYS_set_robust_list, SYS_rseq, SYS_membarrier, SYS_getrusage, SYS_fsync,
    SYS_fdatasync, SYS_sync_file_range, SYS_ftruncate, SYS_dup, SYS_pipe2,
#ifdef __x86_64__
    SYS_poll, SYS_select, SYS_time, SYS_pause, SYS_pipe,
#endif
};

/* What puts a whole file into its place.  Landlock says where that may be. */
static const int places[] = {
    SYS_linkat, SYS_renameat2, SYS_unlinkat, SYS_faccessat, NR_FACCESSAT2,
    SYS_newfstatat, SYS_statx, SYS_readlinkat, SYS_flock, SYS_fchmod,
    SYS_fallocate, SYS_umask,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef __x86_64__
    SYS_link, SYS_rename, SYS_unlink, SYS_rmdir, SYS_access, SYS_stat,
    SYS_lstat, SYS_readlink,
#endif
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- programs */

struct program {
    struct sock_filter op[BPF_MAXINSNS < 512 ? BPF_MAXINSNS : 512];
    size_t n;
};

/* (argument arg & mask) == value */
struct test {
    unsigned arg;
    uint32_t mask;
    uint32_t value;
};

static void
op(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    if (p->n < COUNT(p->op))
        p->op[p->n] = (struct sock_filter){ code, yes, no, k };
    p->n++;
}

static void
load(struct program *p, size_t at)
{
    op(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void
end(struct program *p, uint32_t action)
{
    op(p, BPF_RET | BPF_K, action, 0, 0);
}

static void
start(struct program *p)
{
    p->n = 0;
    load(p, offsetof(struct seccomp_data, arch));
    op(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    end(p, REFUSE);
    load(p, offsetof(struct seccomp_data, nr));
    op(p, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    end(p, REFUSE);
}

static void
add(struct program *p, const int *nr, size_t n, uint32_t action)
{
    for (size_t i = 0; i < n; i++) {
        op(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr[i], 0, 1);
        end(p, action);
    }
}

/* A call whose arguments pass all n tests; the number is loaded again after
 * it, for what follows. */
static void
add_tested(struct program *p, int nr, const struct test *test, size_t n,
           uint32_t action)
{
    uint8_t left = (uint8_t)(3 * n + 2);
    size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

    op(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, left);
    for (size_t i = 0; i < n; i++) {
        left = (uint8_t)(left - 3);
        load(p, offsetof(struct seccomp_data, args) + 8 * test[i].arg + low);
        op(p, BPF_ALU | BPF_AND | BPF_K, test[i].mask, 0, 0);
        op(p, BPF_JMP | BPF_JEQ | BPF_K, test[i].value, 0,
           (uint8_t)(left - 1));
    }
    end(p, action);
    load(p, offsetof(struct seccomp_data, nr));
}

static void
add_equal(struct program *p, int nr, unsigned arg, unsigned long value,
          uint32_t action)
{
    const struct test test = { arg, UINT32_MAX, (uint32_t)value };

    add_tested(p, nr, &test, 1, action);
}

static int
install(struct program *p, uint32_t otherwise)
{
    struct sock_fprog prog;
    long rc;

    end(p, otherwise);
    if (p->n > COUNT(p->op)) {
        errno = E2BIG;
        return -1;
    }
    prog = (struct sock_fprog){ (unsigned short)p->n, p->op };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 SECCOMP_FILTER_FLAG_TSYNC, &prog);
    if (rc > 0) /* a thread that is under another filter */
        errno = EBUSY;
    return rc == 0 ? 0 : -1;
}

/* ---- the filters */

/* Threads may be made, processes not.  clone3 keeps its flags where a filter
 * cannot look; the C library does without it where the kernel lacks it. */
int
sov_seccomp_first(void)
{
    static const struct test process = { 0, CLONE_THREAD, 0 };
    static const int clone3[] = { NR_CLONE3 };
    struct program p;

    start(&p);
    add(&p, clone3, 1, ABSENT);
    add(&p, forbidden, COUNT(forbidden), REFUSE);
    add_tested(&p, SYS_clone, &process, 1, REFUSE);
    add_equal(&p, SYS_ioctl, 1, TIOCSTI, REFUSE);
    return install(&p, SECCOMP_RET_ALLOW);
}

/* Memory that is no file's and cannot be run. */
static void
allow_memory(struct program *p)
{
    static const struct test map[] = { { 2, PROT_EXEC, 0 },
                                       { 3, MAP_ANONYMOUS, MAP_ANONYMOUS } };

    add_tested(p, SYS_mmap, map, 2, SECCOMP_RET_ALLOW);
    add_tested(p, SYS_mprotect, map, 1, SECCOMP_RET_ALLOW);
}

/* The terminal's modes and size; signals to this process alone; what the
 * streams of the C library ask of a descriptor. */
static void
allow_streams(struct program *p)
{
    static const unsigned long terminal[] = { TCGETS,  TCSETS,     TCSETSW,
                                              TCSETSF, TIOCGWINSZ, TIOCGPGRP,
                                              FIONREAD };
    static const int asked[] = { F_GETFL, F_SETFL, F_GETFD, F_SETFD,
                                 F_DUPFD_CLOEXEC };
    unsigned long self = (unsigned long)getpid();

    for (size_t i = 0; i < COUNT(terminal); i++)
        add_equal(p, SYS_ioctl, 1, terminal[i], SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < COUNT(asked); i++)
        add_equal(p, SYS_fcntl, 1, (unsigned long)asked[i], SECCOMP_RET_ALLOW);
    add_equal(p, SYS_tgkill, 0, self, SECCOMP_RET_ALLOW);
    add_equal(p, SYS_kill, 0, self, SECCOMP_RET_ALLOW);
}

int
sov_seccomp_last(bool files)
{
    struct program p;

    start(&p);
    add(&p, needed, COUNT(needed), SECCOMP_RET_ALLOW);
    if (files)
        add(&p, places, COUNT(places), SECCOMP_RET_ALLOW);
    allow_memory(&p);
    allow_streams(&p);
    /* how the C library asks about a descriptor; a path that is given all the
     * same tells that a file is there, and how large */
    add_equal(&p, SYS_newfstatat, 3, AT_EMPTY_PATH, SECCOMP_RET_ALLOW);
    return install(&p, REFUSE);
}

#endif
