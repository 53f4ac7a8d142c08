// Where nghttp2 calls in: what it gives is turned into calls of Session. Nothing is decided here.

#include <memory>

#include "source/base/check.h"
#include "source/codec/http2/session.h"
#include "source/codec/http2/session_callbacks.h"

namespace pillion::codec::http2 {

struct Callbacks {
  static Session& Of(void* user_data) { return *static_cast<Session*>(user_data); }

  // Ends nghttp2_session_mem_recv() once the connection has failed: in some states nghttp2 goes on to read frames
  // after a callback has terminated the session, and asserts that it can't be terminated twice. Not for
  // OnStreamClose, whose stream must go.
  static int Result(const Session& session) { return session.failed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& session = Of(user_data);
    session.decoding_ = session.OnHeadersBegin(*frame);
    session.latest_ = session.decoding_;
    session.continued_ = 0;
    return Result(session);
  }

  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    if (head->type == NGHTTP2_CONTINUATION) ++Of(user_data).continued_;
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags, void* user_data) {
    Session& session = Of(user_data);
    if (session.decoding_ == nullptr) return 0;
    session.decoder_.Add({reinterpret_cast<const char*>(name), name_size},
                         {reinterpret_cast<const char*>(value), value_size}, (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
    return 0;
  }

  static int OnDataChunk(nghttp2_session*, uint8_t flags, int32_t stream_id, const uint8_t* data, size_t size,
                         void* user_data) {
    Session& session = Of(user_data);
    Stream* stream = session.Find(stream_id);
    if (stream != nullptr) session.OnData(*stream, flags, data, size);
    return Result(session);
  }

  static int OnFrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Session& session = Of(user_data);
    session.OnFrameReceived(*frame);
    return Result(session);
  }

  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Of(user_data).OnFrameSent(*frame);
    return 0;
  }

  static int OnFrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
    Session& session = Of(user_data);
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      --session.heads_unsent_;  // and its stream is closed
      return 0;
    }
    Stream* stream = session.Find(frame->hd.stream_id);
    if (stream != nullptr) session.OnHeadersNotSent(*stream);
    return 0;
  }

  static int OnStreamClose(nghttp2_session*, int32_t stream_id, uint32_t error_code, void* user_data) {
    Session& session = Of(user_data);
    Stream* stream = session.Find(stream_id);
    if (stream != nullptr) session.CloseStream(*stream, error_code);
    return 0;
  }

  static ssize_t ReadData(nghttp2_session*, int32_t, uint8_t*, size_t limit, uint32_t* flags,
                          nghttp2_data_source* source, void* user_data) {
    return Of(user_data).ReadData(*static_cast<Stream*>(source->ptr), limit, flags);
  }

  static int SendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_head, size_t size,
                      nghttp2_data_source* source, void* user_data) {
    Of(user_data).WriteData(*static_cast<Stream*>(source->ptr), frame->hd.flags, frame_head, size);
    return 0;
  }
};

nghttp2_data_provider DataProvider(Stream& stream) {
  nghttp2_data_provider provider;
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::ReadData;
  return provider;
}

const nghttp2_session_callbacks* SessionCallbacks() {
  static const nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    PILLION_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, Callbacks::OnBeginHeaders);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, Callbacks::OnBeginFrame);
    nghttp2_session_callbacks_set_on_header_callback(made, Callbacks::OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Callbacks::OnDataChunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, Callbacks::OnFrameReceived);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, Callbacks::OnFrameSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Callbacks::OnFrameNotSent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, Callbacks::OnStreamClose);
    nghttp2_session_callbacks_set_send_data_callback(made, Callbacks::SendData);
    return made;
  }();
  return callbacks;
}

const nghttp2_option* SessionOptions() {
  static const nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    PILLION_CHECK(nghttp2_option_new(&made) == 0);
    nghttp2_option_set_no_auto_window_update(made, 1);  // session.h, Windows
    nghttp2_option_set_no_http_messaging(made, 1);      // HeadDecoder does that
    nghttp2_option_set_no_closed_streams(made, 1);      // they only serve priorities
    nghttp2_option_set_max_outbound_ack(made, 100'000);  // FloodGuard counts, and lower
    nghttp2_option_set_stream_reset_rate_limit(made, UINT64_MAX, 0);
    nghttp2_option_set_max_send_header_block_length(made, 256 * 1024);
    // Of one header block; but a frame whose head comes in pieces counts once for each.
    nghttp2_option_set_max_continuations(made, 64);
    return made;
  }();
  return options;
}

}  // namespace pillion::codec::http2
