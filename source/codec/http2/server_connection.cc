#include "source/codec/http2/server_connection.h"

#include <algorithm>
#include <utility>

namespace pillion::codec::http2 {
namespace {

// Of one header block (CVE-2024-27316). A head within the default limits needs four.
constexpr uint32_t kMaxContinuations = 8;

// A budget may be smaller than one frame.
constexpr size_t kLeastOutput = 64 * 1024;

}  // namespace

class IncomingStream final : public StreamOf<ServerStream> {
 public:
  explicit IncomingStream(ServerConnection& connection)
      : StreamOf<ServerStream>(connection, nullptr), connection_(connection) {}

  void SendInformational(const http::ResponseHead& head) override {
    if (!over() && !head_queued_) connection_.SubmitHead(*this, head, false);
  }

  void SendHead(const http::ResponseHead& head, bool end) override {
    if (over() || head_queued_) return;
    // Without the switch that was a request without a body; what still comes is dropped.
    if (asks_switch_ && !(is_connect_ ? head.status / 100 == 2 : head.status == 101)) input_over_ = true;
    connection_.SubmitHead(*this, head, end);
    HeadQueued(end);
  }

 private:
  friend class ServerConnection;

  RequestReceiver& receiver() const { return static_cast<RequestReceiver&>(*receiver_); }

  ServerConnection& connection_;
  bool asks_switch_ = false;  // a CONNECT, of either kind
  bool is_connect_ = false;   // not for another protocol
};

ServerConnection::ServerConnection(Link& link, ServerEvents& events, base::BlockPool& pool, MemoryPool& memory,
                                   const Options& options)
    : Session(Role::kServer, link, pool, memory, options),
      events_(events),
      scanner_(NGHTTP2_CLIENT_MAGIC_LEN) {}

ServerConnection::~ServerConnection() { DestroyStreams(); }

size_t ServerConnection::Receive(const base::Slice& data) {
  StartReceive(data);
  FrameHead head;
  size_t fed = 0;
  for (size_t position = 0; scanner_.Next(data.view(), position, head);) {
    if (!NeedsLook(head)) continue;
    Feed(fed, head.start);
    fed = head.start;
    if (!IsAccepted(head)) break;
  }
  Feed(fed, data.size());
  FinishReceive();
  return data.size();
}

void ServerConnection::Produce(size_t budget) {
  ProduceFrames(budget);
  // Data keeps to the budget, heads do not: whoever does not read its answers gets no further ones.
  if (link_.output().size() > 2 * std::max<size_t>(budget, kLeastOutput)) read_blocked_ = true;
}

void ServerConnection::OutputDrained() {
  ResumeOutput();
  if (std::exchange(read_blocked_, false)) link_.ReadingResumed();
}

bool ServerConnection::NeedsLook(const FrameHead& head) {
  const bool end = (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (head.type) {
    case NGHTTP2_HEADERS:
      continuations_ = 0;
      if (head.stream_id > history_.highest() && head.stream_id % 2 == 1) {
        history_.Open(head.stream_id);
        open_input_ = end ? 0 : head.stream_id;
        return false;
      }
      break;
    case NGHTTP2_DATA:
      break;
    case NGHTTP2_CONTINUATION:
      return ++continuations_ > kMaxContinuations;
    case NGHTTP2_RST_STREAM:
      if (head.stream_id == open_input_) open_input_ = 0;
      return false;
    default:
      return false;
  }
  if (head.stream_id != open_input_) return true;
  if (end) open_input_ = 0;
  return false;
}

bool ServerConnection::IsAccepted(const FrameHead& head) {
  if (failed_) return false;
  if (head.type == NGHTTP2_CONTINUATION) {
    EndByFlood(Flood::kContinuation);
    return false;
  }
  // What is wrong with ids that no client may use, nghttp2 knows.
  if (head.stream_id % 2 == 0 || head.stream_id > history_.highest()) return true;
  if (Find(static_cast<int32_t>(head.stream_id)) != nullptr) {
    if ((head.flags & NGHTTP2_FLAG_END_STREAM) == 0) open_input_ = head.stream_id;
    return true;
  }
  switch (history_.Look(head.stream_id)) {
    case StreamHistory::Past::kUnknown:
      return true;
    case StreamHistory::Past::kSkipped:
      FailConnection(NGHTTP2_PROTOCOL_ERROR, "http2.stream_id_not_increasing");
      return false;
    case StreamHistory::Past::kClosed:
      FailConnection(NGHTTP2_STREAM_CLOSED, "http2.frame_on_closed_stream");
      return false;
  }
  return true;
}

void ServerConnection::OnStreamClosed(int32_t stream_id, bool reset_by_us) {
  if (!reset_by_us) history_.Close(static_cast<uint32_t>(stream_id));
}

void ServerConnection::StartDrain() {
  if (failed_ || draining_) return;
  nghttp2_submit_shutdown_notice(session_);
  WantOutput();
}

void ServerConnection::FinishDrain() {
  if (failed_ || draining_) return;
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  WantOutput();
}

void ServerConnection::SubmitHead(IncomingStream& stream, const http::ResponseHead& head, bool end) {
  const auto list = EncodeResponse(head, memory_.nv_scratch());
  CountTexts(stream, list);
  nghttp2_submit_headers(session_, end ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE, stream.id_, nullptr,
                         list.data(), list.size(), nullptr);
  WantOutput();
}

Stream* ServerConnection::OnHeadersBegin(const nghttp2_frame& frame) {
  if (failed_) return nullptr;
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    Stream* stream = Find(frame.hd.stream_id);
    if (stream == nullptr || stream->over() || stream->input_over_) return nullptr;
    decoder_.StartTrailers(stream->receiver_->arena());
    return stream;
  }
  IncomingStream* stream = memory_.New<IncomingStream>(*this);
  stream->id_ = frame.hd.stream_id;
  Register(*stream);
  nghttp2_session_set_stream_user_data(session_, stream->id_, static_cast<Stream*>(stream));
  floods_.OnStreamOpened();
  stream->receiver_ = events_.OnRequestBegin(*stream);
  stream->meter_.Set(stream->receiver_->meter());
  if (stream->over()) return nullptr;
  decoder_.StartRequest(stream->receiver_->arena());
  return stream;
}

void ServerConnection::OnHeadersEnd(Stream& base, bool end) {
  IncomingStream& stream = static_cast<IncomingStream&>(base);
  if (stream.over()) {
    stream.input_closed_ = end;
    return;
  }
  if (stream.head_received_) {
    const HeadError& error = decoder_.FinishTrailers(end);
    if (error.kind != HeadError::Kind::kNone) return FailStream(stream, error.detail);
    if (!EndInput(stream)) return;
    stream.receiver().OnTrailers(decoder_.trailers());
    stream.CheckOver();
    return;
  }
  stream.head_received_ = true;
  stream.input_closed_ = end;
  const HeadError& error = decoder_.FinishRequest(end);
  switch (error.kind) {
    case HeadError::Kind::kMalformed:
      return FailStream(stream, error.detail);
    case HeadError::Kind::kRefused:
      stream.input_over_ = true;
      stream.receiver().OnRequestError({error.status, error.detail, &decoder_.request()});
      break;
    case HeadError::Kind::kNone: {
      http::RequestHead& head = decoder_.request();
      stream.is_connect_ = head.method_id == http::Method::kConnect;
      stream.asks_switch_ = stream.is_connect_ || !head.upgrade.empty();
      stream.expected_ = head.content_length;
      stream.body_allowed_ = !end;
      stream.input_over_ = end;
      stream.receiver().OnRequestHead(head, end);
      break;
    }
  }
  stream.CheckOver();
}

void ServerConnection::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_RST_STREAM) return;
  const Stream* stream = Find(frame.hd.stream_id);
  if (stream != nullptr && !stream->head_queued_) Charge(Flood::kReset);
}

void ServerConnection::DestroyStream(Stream& stream) { memory_.Delete(static_cast<IncomingStream*>(&stream)); }

}  // namespace pillion::codec::http2
