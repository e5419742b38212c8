/* Order client: everything a program needs to call the order system. See examples/client.
 *
 *     rpc/channel.h     the channel and the stubs: blocking, asynchronous, deadlines, failures
 *     *.pb-c.h          the messages and services, as protoc-c makes them from proto/shop/v1
 *     client_call.h     a blocking call that keeps its answer
 *     json/json_print.h any message as proto3 JSON
 *     base/uuid.h       request ids */
#pragma once

#include <grpc/health/v1/health.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>

#include "base/uuid.h"
#include "client/client_call.h"
#include "json/json_print.h"
#include "rpc/channel.h"
