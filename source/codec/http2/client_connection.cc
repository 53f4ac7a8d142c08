#include "source/codec/http2/client_connection.h"

#include <algorithm>

#include "source/codec/http2/session_callbacks.h"

namespace pillion::codec::http2 {

class OutgoingStream final : public StreamOf<ClientStream> {
 public:
  OutgoingStream(ClientConnection& connection, ResponseReceiver& receiver)
      : StreamOf<ClientStream>(connection, &receiver), connection_(connection) {}

  void SendHead(const http::RequestHead& head, bool end) override {
    if (over() || head_queued_) return;
    method_ = head.method_id;
    if (!head.upgrade.empty()) upgrade_ = receiver().arena().Copy(head.upgrade);
    connection_.SubmitHead(*this, head, end);
    HeadQueued(end);
  }

 private:
  friend class ClientConnection;

  ResponseReceiver& receiver() const { return static_cast<ResponseReceiver&>(*receiver_); }

  ClientConnection& connection_;
  http::Method method_ = http::Method::kOther;
  std::string_view upgrade_;  // in the receiver's arena
  uint32_t informational_ = 0;
};

ClientConnection::ClientConnection(Link& link, ClientEvents& events, base::BlockPool& pool, MemoryPool& memory,
                                   const Options& options)
    : Session(Role::kClient, link, pool, memory, options), events_(events) {}

ClientConnection::~ClientConnection() { DestroyStreams(); }

size_t ClientConnection::Receive(const base::Slice& data) {
  StartReceive(data);
  Feed(0, data.size());
  FinishReceive();
  return data.size();
}

void ClientConnection::ReceiveEnd() {
  ReceiveFin();
  events_.OnCapacityChanged();
}

ClientStream& ClientConnection::NewStream(ResponseReceiver& receiver) {
  OutgoingStream* stream = memory_.New<OutgoingStream>(*this, receiver);
  Register(*stream);
  floods_.OnStreamOpened();
  return *stream;
}

size_t ClientConnection::capacity() const {
  if (!reusable()) return 0;
  const size_t allowed =
      std::min(nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
               options_.max_concurrent_streams);
  return allowed > open_streams() ? allowed - open_streams() : 0;
}

bool ClientConnection::reusable() const {
  constexpr uint32_t kLastStreamId = INT32_MAX;
  return !failed_ && !peer_ended_ && !draining_ && !goaway_received_ &&
         nghttp2_session_get_next_stream_id(session_) <= kLastStreamId;
}

void ClientConnection::StartDrain() {
  draining_ = true;  // no GOAWAY: that concerns streams that the peer would open
}

void ClientConnection::SubmitHead(OutgoingStream& stream, const http::RequestHead& head, bool end) {
  const auto list = EncodeRequest(head, memory_.nv_scratch());
  CountTexts(stream, list);
  const nghttp2_data_provider provider = DataProvider(stream);
  stream.has_data_item_ = !end;
  stream.id_ = nghttp2_submit_request(session_, nullptr, list.data(), list.size(), end ? nullptr : &provider,
                                      static_cast<Stream*>(&stream));
  ++heads_unsent_;
}

void ClientConnection::Produce(size_t budget) {
  ProduceFrames(budget);
  if (heads_unsent_ > 0) [[unlikely]] RefuseUnsent();
}

// The peer has lowered the number of streams in the turn in which they were begun. They do not wait: the texts of
// their heads go with the turn, and another connection may take them.
void ClientConnection::RefuseUnsent() {
  streams_.ForEach([this](Stream& stream) {
    if (stream.over() || stream.id_ == 0 || Find(stream.id_) != nullptr) return;
    MessageReceiver& receiver = *stream.receiver_;
    stream.Abandon();
    SubmitReset(stream, NGHTTP2_REFUSED_STREAM);
    receiver.OnReset(ResetReason::kRefused, "http2.concurrency_lowered");
  });
}

Stream* ClientConnection::OnHeadersBegin(const nghttp2_frame& frame) {
  Stream* base = Find(frame.hd.stream_id);
  if (base == nullptr || base->over() || base->input_over_) return nullptr;
  if (base->head_received_) {
    decoder_.StartTrailers(base->receiver_->arena());
  } else {
    decoder_.StartResponse(base->receiver_->arena());
  }
  return base;
}

void ClientConnection::OnHeadersEnd(Stream& base, bool end) {
  OutgoingStream& stream = static_cast<OutgoingStream&>(base);
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
  const HeadError& error = decoder_.FinishResponse(end, stream.method_ != http::Method::kHead);
  if (error.kind != HeadError::Kind::kNone) return FailStream(stream, error.detail);
  http::ResponseHead& head = decoder_.response();
  if (head.status < 200) {
    if (++stream.informational_ > options_.floods.informational) {
      TellFlood(Flood::kInformational, false);
      return FailStream(stream, "http2.too_many_informational");
    }
    stream.receiver().OnInformational(head);
    return;
  }
  const bool tunnel = (stream.method_ == http::Method::kConnect || !stream.upgrade_.empty()) && head.status < 300;
  if (tunnel && !stream.upgrade_.empty()) {  // RFC 8441, 5
    head.status = 101;
    head.upgrade = stream.upgrade_;
  }
  stream.head_received_ = true;
  stream.body_allowed_ = !end && (tunnel || !http::HasNoBody(stream.method_, head.status));
  stream.expected_ = stream.body_allowed_ && !tunnel ? head.content_length : http::kNoContentLength;
  stream.input_closed_ = end;
  stream.input_over_ = end;
  stream.receiver().OnResponseHead(head, end);
  stream.CheckOver();
}

void ClientConnection::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY) events_.OnCloseNotified();
  if (frame.hd.type != NGHTTP2_RST_STREAM) events_.OnCapacityChanged();
}

void ClientConnection::DestroyStream(Stream& stream) {
  memory_.Delete(static_cast<OutgoingStream*>(&stream));
}

}  // namespace pillion::codec::http2
