/* See contracts.h. */
#include "client/cli/contracts.h"

#include <rpc/v1/reflection.pb-c.h>

#include "rpc/message.h"

enum status cli_get_contracts(struct cli *cli, Google__Protobuf__FileDescriptorSet **set_out,
                              struct failure *failure)
{
    Rpc__V1__GetFileDescriptorSetRequest request = RPC__V1__GET_FILE_DESCRIPTOR_SET_REQUEST__INIT;
    ProtobufCMessage *response, *set;
    enum status status = cli_call(cli, &rpc__v1__reflection__descriptor, "GetFileDescriptorSet",
                                  &request.base, &response, failure);
    if (status != STATUS_OK) {
        return status;
    }
    const ProtobufCBinaryData *encoded =
        &((const Rpc__V1__GetFileDescriptorSetResponse *)response)->file_descriptor_set;
    status = message_decode(&google__protobuf__file_descriptor_set__descriptor,
                            bytes_of(encoded->data, encoded->len), &cli->arena, &set, failure);
    if (status != STATUS_OK) {
        return failure_set(failure, STATUS_INTERNAL, "BAD_CONTRACTS",
                           "the server's contracts cannot be read");
    }
    *set_out = (Google__Protobuf__FileDescriptorSet *)set;
    return STATUS_OK;
}
