/* A TCP port of the loopback that nobody listens on; another may take it before the caller does. */
#pragma once

#include <stdint.h>

/* Ends the program when there is none. */
uint16_t free_port(void);
