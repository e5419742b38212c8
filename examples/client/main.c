/* A complete client: places an order over the stub that protoc-c made, and prints the answer.
 *     example_client tcp://127.0.0.1:7400 demo-tea-sencha 2 */
#include <order-client/client/order_client.h>
#include <stdio.h>
#include <stdlib.h>

static void on_order(const Shop__V1__Order *order, void *data)
{
    (void)data;
    if (order != NULL) { /* NULL: stub.failure says why */
        printf("order %s: %lld minor units of %s\n", order->order_id, (long long)order->total_minor,
               order->currency);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: example_client ENDPOINT PRODUCT_ID QUANTITY\n");
        return 2;
    }
    struct failure failure;
    struct rpc_channel *channel;
    struct rpc_channel_options options = {.endpoint = argv[1], .timeout_ms = 1000};
    if (rpc_channel_open(&options, &channel, &failure) != STATUS_OK) {
        fprintf(stderr, "%s\n", failure.message);
        return 2;
    }
    char customer_id[] = "example";
    char request_id[UUID_TEXT_BYTES]; /* one for the order, however often it is asked for */
    struct uuid uuid = uuid_v7(clock_system());
    uuid_print(&uuid, request_id);
    Shop__V1__CreateOrderLine line = SHOP__V1__CREATE_ORDER_LINE__INIT;
    Shop__V1__CreateOrderLine *lines[] = {&line};
    line.product_id = argv[2];
    line.quantity = (int32_t)strtol(argv[3], NULL, 10);
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = request_id;
    request.customer_id = customer_id;
    request.n_lines = 1;
    request.lines = lines;

    struct rpc_stub stub;
    int tries = 0;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    do { /* no answer is no refusal: the same request again cannot order twice */
        shop__v1__order_service__create_order(&stub.service, &request, on_order, NULL);
    } while (client_may_retry(stub.failure.code) && ++tries < 3);
    if (stub.failure.code != STATUS_OK) {
        fprintf(stderr, "%s (%s): %s\n", status_name(stub.failure.code), stub.failure.reason,
                stub.failure.message);
    }
    rpc_channel_close(&channel);
    return stub.failure.code == STATUS_OK ? 0 : 1;
}
