/* TCP proxy: between a program and a server, so that a test can freeze or cut what is between them.
 * One thread a proxy. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_proxy;

/* Listens on a free port of the loopback and forwards to 127.0.0.1:target_port. Fails the test when
 * it cannot. */
struct tcp_proxy *tcp_proxy_create(uint16_t target_port);
void tcp_proxy_destroy(struct tcp_proxy **proxy);
uint16_t tcp_proxy_port(const struct tcp_proxy *proxy);
/* Frozen: connections stay, new ones are taken, and not a byte moves in either direction. */
void tcp_proxy_freeze(struct tcp_proxy *proxy, bool frozen);
/* Resets every connection; new ones are welcome. */
void tcp_proxy_cut(struct tcp_proxy *proxy);
/* While it holds: what a server says next is thrown away, and its connection is reset - the answer
 * is lost, what was asked for is done. */
void tcp_proxy_cut_answers(struct tcp_proxy *proxy, bool cutting);
/* While it holds: every connection is reset, new ones as soon as they come. */
void tcp_proxy_refuse(struct tcp_proxy *proxy, bool refusing);
/* Every chunk, in either direction, waits this long; 0 ends that. */
void tcp_proxy_slow(struct tcp_proxy *proxy, int delay_ms);
/* Connections taken so far. */
int tcp_proxy_taken(struct tcp_proxy *proxy);
