/* What one write(2) per delivery costs in C: the floor of every server that sends each subscriber its own copy.
 *
 * Usage: write_cost CONNECTIONS BYTES ROUNDS ROUNDS_PER_SECOND   (0 rounds per second: as fast as goes)
 * A child process reads all connections (TCP, loopback, no delay) and counts; the parent writes BYTES to each of
 * them in every round. Prints the parent's CPU time per write in microseconds, user and system. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, BYTES_MAX = 65536 };

static void check(int bad, const char *what) {
    if (bad) { perror(what); exit(1); }
}

static double cpu_seconds(void) {
    struct rusage used;
    check(getrusage(RUSAGE_SELF, &used) != 0, "getrusage");
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void read_all(const int *sockets, int count, long long expected) {
    static char buffer[BYTES_MAX];
    struct epoll_event events[64];
    int poll = epoll_create1(0);
    check(poll < 0, "epoll_create1");
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.fd = sockets[i]}};
        check(epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event) != 0, "epoll_ctl");
    }
    while (expected > 0) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            ssize_t got = read(events[i].data.fd, buffer, sizeof buffer);
            check(got <= 0, "read");
            expected -= got;
        }
    }
}

static void write_all(const int *sockets, int count, int bytes, long rounds, double per_second) {
    static char message[BYTES_MAX];
    struct timespec due;
    memset(message, 'x', sizeof message);
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < count; i++) check(write(sockets[i], message, bytes) != bytes, "write");
        if (per_second > 0) {
            due.tv_nsec += (long)(1e9 / per_second);
            while (due.tv_nsec >= 1000000000) { due.tv_nsec -= 1000000000; due.tv_sec++; }
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        }
    }
}

int main(int argc, char **argv) {
    int writers[CONNECTIONS_MAX], readers[CONNECTIONS_MAX], on = 1;
    int count = argc == 5 ? atoi(argv[1]) : 0, bytes = argc == 5 ? atoi(argv[2]) : 0;
    if (count < 1 || count > CONNECTIONS_MAX || bytes < 1 || bytes > BYTES_MAX) {
        fprintf(stderr, "usage: write_cost CONNECTIONS BYTES ROUNDS ROUNDS_PER_SECOND\n");
        return 2;
    }
    long rounds = atol(argv[3]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, CONNECTIONS_MAX) != 0, "listen");
    check(getsockname(listener, (struct sockaddr *)&address, &size) != 0, "getsockname");
    for (int i = 0; i < count; i++) {
        readers[i] = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(readers[i], (struct sockaddr *)&address, size) != 0, "connect");
        writers[i] = accept(listener, NULL, NULL);
        check(writers[i] < 0 || setsockopt(writers[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0, "accept");
    }
    pid_t child = fork();
    check(child < 0, "fork");
    if (child == 0) {
        read_all(readers, count, (long long)count * bytes * rounds);
        return 0;
    }
    double before = cpu_seconds();
    write_all(writers, count, bytes, rounds, atof(argv[4]));
    printf("%.4f\n", (cpu_seconds() - before) / ((double)count * rounds) * 1e6);
    int status = 0;
    check(waitpid(child, &status, 0) < 0, "waitpid");
    return status == 0 ? 0 : 1;
}
