/* Answers that go on. See http.h. Between writer and libmicrohttpd lies one buffer: when it is
 * empty the connection is suspended, and a write resumes it. Always: a connection is suspended only
 * by http_stream_read, on its own thread, and under the lock under which the next write or end
 * looks whether it is. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_inside_mhd.h"

#define FIRST_BYTES 4096
#define CUT_NOW_MS  1

struct http_stream {
    struct http_request *request;
    void (*on_closed)(void *context);
    void *context;
    pthread_mutex_t lock;
    uint8_t *data;
    size_t start, size, room; /* untaken: `size` bytes from `start` on */
    bool is_ended, is_suspended, is_cut;
};

static bool make_room(struct http_stream *stream, size_t more);
static void cut(struct http_stream *stream);
static void wake(struct http_stream *stream);

struct http_stream *http_stream_start(struct http_request *request, const char *content_type,
                                      void (*on_closed)(void *context), void *context)
{
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->request = request;
    stream->on_closed = on_closed;
    stream->context = context;
    (void)pthread_mutex_init(&stream->lock, NULL);
    request->stream = stream;
    http_respond(request, MHD_HTTP_OK, content_type, (struct bytes){0});
    return stream;
}

bool http_stream_write(struct http_stream *stream, struct bytes bytes)
{
    (void)pthread_mutex_lock(&stream->lock);
    if (!stream->is_cut && !make_room(stream, bytes.size)) {
        cut(stream);
    }
    if (!stream->is_cut) {
        if (stream->size == 0) {
            http_request_limit(stream->request, http_request_transfer_ms(stream->request));
        }
        memcpy(stream->data + stream->start + stream->size, bytes.data, bytes.size);
        stream->size += bytes.size;
    }
    wake(stream);
    bool is_fine = !stream->is_cut;
    (void)pthread_mutex_unlock(&stream->lock);
    return is_fine;
}

/* What is large is taken whole when there is room at all: its reader has had no time yet. */
static bool make_room(struct http_stream *stream, size_t more)
{
    if (stream->size >= HTTP_STREAM_BYTES_MAX) {
        return false;
    }
    if (stream->start + stream->size + more <= stream->room) {
        return true;
    }
    if (stream->size > 0) {
        memmove(stream->data, stream->data + stream->start, stream->size);
    }
    stream->start = 0;
    size_t room = stream->room == 0 ? FIRST_BYTES : stream->room;
    while (room < stream->size + more) {
        room *= 2;
    }
    if (room > stream->room) {
        uint8_t *data = realloc(stream->data, room);
        if (data == NULL) {
            return false;
        }
        stream->data = data;
        stream->room = room;
    }
    return true;
}

size_t http_stream_untaken(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    size_t size = stream->size;
    (void)pthread_mutex_unlock(&stream->lock);
    return size;
}

void http_stream_cut(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    cut(stream);
    wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
}

/* Under the lock. */
static void cut(struct http_stream *stream)
{
    stream->is_cut = true;
    http_request_limit(stream->request, CUT_NOW_MS);
}

static void wake(struct http_stream *stream)
{
    if (stream->is_suspended) {
        stream->is_suspended = false;
        MHD_resume_connection(stream->request->connection);
    }
}

void http_stream_end(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->is_ended = true;
    http_request_limit(stream->request, http_request_transfer_ms(stream->request));
    wake(stream);
    (void)pthread_mutex_unlock(&stream->lock);
}

ssize_t http_stream_read(void *state, uint64_t position, char *data, size_t most)
{
    (void)position;
    struct http_stream *stream = state;
    ssize_t result = 0;
    (void)pthread_mutex_lock(&stream->lock);
    if (stream->size > 0 && !stream->is_cut) {
        size_t taken = stream->size < most ? stream->size : most;
        memcpy(data, stream->data + stream->start, taken);
        stream->start += taken;
        stream->size -= taken;
        if (stream->size == 0 && stream->room > FIRST_BYTES) { /* a stream is silent mostly */
            free(stream->data);
            stream->data = NULL;
            stream->start = stream->room = 0;
        }
        http_request_limit(stream->request, stream->size > 0 || stream->is_ended
                                                ? http_request_transfer_ms(stream->request)
                                                : 0);
        result = (ssize_t)taken;
    } else if (stream->is_cut) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->is_ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->is_suspended = true;
        MHD_suspend_connection(stream->request->connection);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

void http_stream_close(struct http_stream **stream)
{
    if (*stream == NULL) {
        return;
    }
    (*stream)->on_closed((*stream)->context);
    (void)pthread_mutex_destroy(&(*stream)->lock);
    free((*stream)->data);
    free(*stream);
    *stream = NULL;
}
