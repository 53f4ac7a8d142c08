#pragma once

// Runs the filters of one stream: the only caller of their hooks.
//
// Each direction is a row of stages, one for each filter. What reaches a stage that is not running waits there, before
// its filter:
//
// | stage       | meaning                                      | left by                                   |
// |-------------|----------------------------------------------|-------------------------------------------|
// | kRunning    | events go through the filter's hooks         | a hook's kPause or kCollect               |
// | kPaused     | what the hook was called with is held        | Continue...(): kRunning                   |
// | kCollecting | the body is put together                     | its end: kRunning, or kPaused by the hook |
//
// The side that sends is not read while any stage is paused; a stage that collects has it read, up to a limit.
//
// A filter is made when the request's head comes to its stage, by the route that the request has then. Those that are left
// when an answer passes are made before it does: they see it, and never the request.
//
// Owned by its stream, in whose arena it and the filters live.

#include <cstdint>

#include "source/base/buffer.h"
#include "source/event/worker.h"
#include "source/filter/http_filter.h"

namespace pillion::filter {

// A filter of a stream and the hooks that it uses; of none, null.
struct ChainMember {
  HttpFilter* filter = nullptr;
  uint32_t hooks = 0;
  uint32_t place = 0;  // among those that are configured: for the ends alone
};

// What lies at the ends of the chain: the stream.
class ChainEnds {
 public:
  // The next that there is, in the order of the configuration; without a filter: there is no other.
  virtual ChainMember MakeFilter() = 0;
  // What the filter of that place is as the route is now chosen.
  virtual FilterPart PartOf(uint32_t place) = 0;

  // What has passed all filters of its direction.
  virtual void OnRequestHeadPassed(bool end) = 0;
  virtual void OnRequestDataPassed(base::Slice data, bool end) = 0;
  virtual void OnRequestTrailersPassed(http::HeaderMap& trailers) = 0;
  virtual void OnResponseHeadPassed(http::ResponseHead& head, bool end) = 0;
  virtual void OnResponseDataPassed(base::Slice data, bool end) = 0;
  virtual void OnResponseTrailersPassed(http::HeaderMap& trailers) = 0;

  // Whether the side that sends is to be read no further, or again. Told when it changes.
  virtual void HoldRequest(bool hold) = 0;
  virtual void HoldResponse(bool hold) = 0;

  // The request's body is collected: who waits to be asked for it is to be asked.
  virtual void OnRequestBodyWanted() = 0;
  virtual void OnFilterReply(const Reply& reply) = 0;
  // More than a filter may collect.
  virtual void OnRequestTooLarge() = 0;
  virtual void OnResponseTooLarge() = 0;

 protected:
  ~ChainEnds() = default;
};

// One direction. `Head` is http::RequestHead or http::ResponseHead.
template <typename Head>
class Direction {
 public:
  Direction(HttpChain& chain, base::Arena& arena, size_t filters);
  ~Direction();
  Direction(const Direction&) = delete;
  Direction& operator=(const Direction&) = delete;

  // In the order in which the direction passes them.
  void Add(const ChainMember& member);

  // From the side that sends.
  void TakeHead(Head& head, bool end);
  void TakeData(base::Slice data, bool end) { RunData(0, std::move(data), end); }
  void TakeTrailers(http::HeaderMap& trailers) { RunTrailers(0, trailers); }

  Head* head() const { return head_; }  // null: has not come

  // By stage.
  void AskToContinue(size_t stage);
  void ContinueAsked();
  void Emit(size_t stage, base::Slice data, bool end) { RunData(stage + 1, std::move(data), end); }
  void SetHold(size_t stage, bool hold);

  // Nothing passes any more, and what waits is dropped.
  void Close();

 private:
  enum class State : uint8_t { kRunning, kPaused, kCollecting };
  struct Stage;

  // The head has a further stage to go through.
  bool HasStage(size_t stage);
  void RunHead(size_t from, bool end);
  void RunData(size_t from, base::Slice data, bool end);
  void RunTrailers(size_t from, http::HeaderMap& trailers);
  void RunBody(size_t stage);
  // What the stage holds goes on.
  void Release(size_t stage);
  void ReleaseWaiting(size_t stage);
  void UpdateHold();

  HttpChain& chain_;
  Stage* stages_;
  size_t size_ = 0;
  Head* head_ = nullptr;
  bool closed_ = false;
  bool held_ = false;  // as the ends were told
};

class HttpChain {
 public:
  // `filters`: how many there will be at most.
  HttpChain(StreamContext& stream, ChainEnds& ends, const ChainMember& first, size_t filters);
  ~HttpChain();

  Direction<http::RequestHead>& request() { return request_; }
  Direction<http::ResponseHead>& response() { return response_; }

  void OnAttempt(http::RequestHead& head, const Attempt& attempt);
  // The stream is over: no hook is called after this but OnEnd().
  void End();

 private:
  friend class HttpFilter;
  template <typename Head>
  friend class Direction;

  // Calls a hook. False: it has answered the request, and the direction ends here.
  template <typename Hook>
  bool Call(Hook&& hook);
  void Add(const ChainMember& member);
  // False: there is no other.
  bool MakeNext();
  // An answer is to pass.
  void MakeRest();
  void AskForStep();
  void RunStep();
  void TakeReply(const Reply& reply);
  void SendReply();
  size_t ResponseStage(uint32_t filter) const { return size_ - 1 - filter; }

  StreamContext& stream_;
  ChainEnds& ends_;
  ChainMember* members_;
  size_t size_ = 0;
  Direction<http::RequestHead> request_;
  Direction<http::ResponseHead> response_;
  event::Task step_;
  const Reply* reply_ = nullptr;  // waits to be sent
  bool in_hook_ = false;
  bool ended_ = false;
};

}  // namespace pillion::filter
