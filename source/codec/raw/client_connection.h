#pragma once

// A connection whose bytes are those of a tunnel, as they are: what a CONNECT that ends here leads to. Its only stream is
// answered with 200 once its head was sent, which happens when the connection is there; of heads and trailers nothing goes
// out. Owned by its pool's connection, on that connection's worker, and ends with it.
//
// | state | what comes in                              | left by                                     |
// |-------|--------------------------------------------|---------------------------------------------|
// | new   | is not read                                | NewStream(): asked                          |
// | asked | is not read                                | Produce(): open                             |
// | open  | is handed on, and its end                  | both ends, Reset(), Abort(): over           |
// | over  | is not read; the connection closes         | -                                           |

#include <cstdint>

#include "source/codec/codec.h"

namespace pillion::codec::raw {

class ClientConnection final : public codec::ClientConnection, private ClientStream {
 public:
  // `output_limit`: output above which SendData() returns false.
  ClientConnection(Link& link, ClientEvents& events, size_t output_limit)
      : link_(link), events_(events), output_limit_(output_limit) {}

  // codec::Connection
  [[nodiscard]] size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view detail) override;
  void Produce(size_t) override;
  void OutputDrained() override;
  bool wants_read() const override { return state_ == State::kOpen && !paused_ && !response_ended_; }
  Ending ending() const override { return ending_; }
  size_t active_streams() const override { return active_ ? 1 : 0; }

  // codec::ClientConnection
  ClientStream& NewStream(ResponseReceiver& receiver) override;
  size_t capacity() const override { return reusable() ? 1 : 0; }
  bool reusable() const override { return state_ == State::kNew && ending_ == Ending::kOpen; }
  void StartDrain() override;

 private:
  enum class State : uint8_t { kNew, kAsked, kOpen, kOver };

  // ClientStream
  void SendHead(const http::RequestHead& head, bool end) override;
  [[nodiscard]] bool SendData(base::Slice data, bool end) override;
  void SendTrailers(const http::HeaderMap&) override { EndRequest(); }
  void Reset(ResetReason reason) override;
  void PauseReading() override { paused_ = true; }
  void ResumeReading() override;

  void EndRequest();
  void EndIfBothEnded();
  void Close(Ending ending);

  Link& link_;
  ClientEvents& events_;
  const size_t output_limit_;
  ResponseReceiver* receiver_ = nullptr;  // in kAsked and kOpen
  MeterLink meter_;
  State state_ = State::kNew;
  Ending ending_ = Ending::kOpen;
  bool active_ = false;  // a stream was opened, and OnStreamEnd() was not told
  bool request_ended_ = false;
  bool response_ended_ = false;
  bool paused_ = false;
  bool send_blocked_ = false;  // OnSendReady() is due
};

}  // namespace pillion::codec::raw
