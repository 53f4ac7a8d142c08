#include <memory>

#include "source/base/check.h"
#include "source/filter/http_chain.h"
#include "source/filter/http_chain_call.h"

namespace pillion::filter {
namespace {

// What is the same in both directions, by the type of the head.
struct RequestHooks {
  static constexpr uint32_t kHead = kRequestHead;
  static constexpr uint32_t kData = kRequestData;
  static constexpr uint32_t kTrailers = kRequestTrailers;
  static Step OnHead(HttpFilter& filter, http::RequestHead& head, bool end) { return filter.OnRequestHead(head, end); }
  static Step OnData(HttpFilter& filter, base::Slice& data, bool end) { return filter.OnRequestData(data, end); }
  static Step OnTrailers(HttpFilter& filter, http::HeaderMap& fields) { return filter.OnRequestTrailers(fields); }
  static Step OnBody(HttpFilter& filter, base::Buffer& body, http::HeaderMap* trailers) {
    return filter.OnRequestBody(body, trailers);
  }
  static void HeadPassed(ChainEnds& ends, http::RequestHead&, bool end) { ends.OnRequestHeadPassed(end); }
  static void DataPassed(ChainEnds& ends, base::Slice data, bool end) {
    ends.OnRequestDataPassed(std::move(data), end);
  }
  static void TrailersPassed(ChainEnds& ends, http::HeaderMap& fields) { ends.OnRequestTrailersPassed(fields); }
  static void Hold(ChainEnds& ends, bool hold) { ends.HoldRequest(hold); }
  static void BodyWanted(ChainEnds& ends) { ends.OnRequestBodyWanted(); }
  static void TooLarge(ChainEnds& ends) { ends.OnRequestTooLarge(); }
};

struct ResponseHooks {
  static constexpr uint32_t kHead = kResponseHead;
  static constexpr uint32_t kData = kResponseData;
  static constexpr uint32_t kTrailers = kResponseTrailers;
  static Step OnHead(HttpFilter& filter, http::ResponseHead& head, bool end) { return filter.OnResponseHead(head, end); }
  static Step OnData(HttpFilter& filter, base::Slice& data, bool end) { return filter.OnResponseData(data, end); }
  static Step OnTrailers(HttpFilter& filter, http::HeaderMap& fields) { return filter.OnResponseTrailers(fields); }
  static Step OnBody(HttpFilter& filter, base::Buffer& body, http::HeaderMap* trailers) {
    return filter.OnResponseBody(body, trailers);
  }
  static void HeadPassed(ChainEnds& ends, http::ResponseHead& head, bool end) { ends.OnResponseHeadPassed(head, end); }
  static void DataPassed(ChainEnds& ends, base::Slice data, bool end) {
    ends.OnResponseDataPassed(std::move(data), end);
  }
  static void TrailersPassed(ChainEnds& ends, http::HeaderMap& fields) { ends.OnResponseTrailersPassed(fields); }
  static void Hold(ChainEnds& ends, bool hold) { ends.HoldResponse(hold); }
  static void BodyWanted(ChainEnds&) {}  // it comes unasked
  static void TooLarge(ChainEnds& ends) { ends.OnResponseTooLarge(); }
};

template <typename Head>
using HooksOf = std::conditional_t<std::is_same_v<Head, http::RequestHead>, RequestHooks, ResponseHooks>;

}  // namespace

template <typename Head>
struct Direction<Head>::Stage {
  explicit Stage(const ChainMember& member) : filter(member.filter), hooks(member.hooks) {}
  ~Stage() {
    if (waiting != nullptr) std::destroy_at(waiting);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  base::Buffer& Waiting(StreamContext& stream) {
    if (waiting == nullptr) waiting = stream.arena().New<base::Buffer>(stream.worker().blocks());
    return *waiting;
  }
  bool HasWaitingData() const { return waiting != nullptr && !waiting->empty(); }
  bool HasHeld() const { return holds_head || holds_data || held_trailers != nullptr; }
  bool HasWaiting() const { return HasWaitingData() || waiting_end || waiting_trailers != nullptr; }

  HttpFilter* filter;
  uint32_t hooks;
  State state = State::kRunning;
  bool asked = false;  // to continue
  bool hold = false;   // by the filter's own wish
  // What a hook was called with that paused or collects.
  bool holds_head = false;
  bool head_end = false;
  bool holds_data = false;
  bool data_end = false;
  base::Slice held_data;
  http::HeaderMap* held_trailers = nullptr;
  // What came after it. `collected`: the filter has seen it.
  bool collected = false;
  bool waiting_end = false;
  base::Buffer* waiting = nullptr;  // by Waiting(): few stages ever need it
  http::HeaderMap* waiting_trailers = nullptr;
};

template <typename Head>
Direction<Head>::Direction(HttpChain& chain, base::Arena& arena, size_t filters)
    : chain_(chain), stages_(static_cast<Stage*>(arena.Allocate(sizeof(Stage) * filters, alignof(Stage)))) {}

template <typename Head>
Direction<Head>::~Direction() {
  std::destroy_n(stages_, size_);
}

template <typename Head>
void Direction<Head>::Add(const ChainMember& member) {
  new (&stages_[size_++]) Stage(member);
}

template <typename Head>
void Direction<Head>::TakeHead(Head& head, bool end) {
  head_ = &head;
  if constexpr (std::is_same_v<Head, http::ResponseHead>) chain_.MakeRest();
  RunHead(0, end);
}

template <typename Head>
bool Direction<Head>::HasStage(size_t stage) {
  if constexpr (std::is_same_v<Head, http::RequestHead>) return stage < size_ || chain_.MakeNext();
  return stage < size_;
}

template <typename Head>
void Direction<Head>::RunHead(size_t from, bool end) {
  for (size_t i = from; !closed_ && HasStage(i); ++i) {
    Stage& stage = stages_[i];
    if ((stage.hooks & HooksOf<Head>::kHead) == 0) continue;
    Step step = Step::kContinue;
    if (!chain_.Call([&] { step = HooksOf<Head>::OnHead(*stage.filter, *head_, end); })) return;
    if (step == Step::kContinue || (step == Step::kCollect && end)) continue;
    PILLION_CHECK(step != Step::kTake);
    stage.state = step == Step::kPause ? State::kPaused : State::kCollecting;
    stage.holds_head = true;
    stage.head_end = end;
    if (closed_) return;
    if (step == Step::kCollect) HooksOf<Head>::BodyWanted(chain_.ends_);
    UpdateHold();
    return;
  }
  if (!closed_) HooksOf<Head>::HeadPassed(chain_.ends_, *head_, end);
}

template <typename Head>
void Direction<Head>::RunData(size_t from, base::Slice data, bool end) {
  for (size_t i = from; i < size_ && !closed_; ++i) {
    Stage& stage = stages_[i];
    if (stage.state != State::kRunning) {
      base::Buffer& waiting = stage.Waiting(chain_.stream_);
      if (stage.state == State::kCollecting && stage.filter->drops_excess()) {
        const size_t room = stage.filter->collect_limit() - waiting.size();
        if (data.size() > room) data = data.Share(0, room);
      }
      waiting.Append(std::move(data));
      stage.waiting_end = end;
      if (stage.state == State::kPaused) return;
      if (waiting.size() > stage.filter->collect_limit()) {
        HooksOf<Head>::TooLarge(chain_.ends_);
      } else if (end) {
        RunBody(i);
      }
      return;
    }
    if ((stage.hooks & HooksOf<Head>::kData) == 0) continue;
    Step step = Step::kContinue;
    if (!chain_.Call([&] { step = HooksOf<Head>::OnData(*stage.filter, data, end); })) return;
    if (step == Step::kTake) return;
    if (step == Step::kContinue) {
      if (data.empty() && !end) return;
      continue;
    }
    PILLION_CHECK(step == Step::kPause);
    stage.state = State::kPaused;
    stage.holds_data = true;
    stage.held_data = std::move(data);
    stage.data_end = end;
    UpdateHold();
    return;
  }
  if (!closed_) HooksOf<Head>::DataPassed(chain_.ends_, std::move(data), end);
}

template <typename Head>
void Direction<Head>::RunTrailers(size_t from, http::HeaderMap& trailers) {
  for (size_t i = from; i < size_ && !closed_; ++i) {
    Stage& stage = stages_[i];
    if (stage.state != State::kRunning) {
      stage.waiting_trailers = &trailers;
      if (stage.state == State::kCollecting) RunBody(i);
      return;
    }
    if ((stage.hooks & HooksOf<Head>::kTrailers) == 0) continue;
    Step step = Step::kContinue;
    if (!chain_.Call([&] { step = HooksOf<Head>::OnTrailers(*stage.filter, trailers); })) return;
    if (step == Step::kTake) return;
    if (step == Step::kContinue) continue;
    PILLION_CHECK(step == Step::kPause);
    stage.state = State::kPaused;
    stage.held_trailers = &trailers;
    UpdateHold();
    return;
  }
  if (!closed_) HooksOf<Head>::TrailersPassed(chain_.ends_, trailers);
}

template <typename Head>
void Direction<Head>::RunBody(size_t index) {
  Stage& stage = stages_[index];
  Step step = Step::kContinue;
  const auto hook = [&] {
    step = HooksOf<Head>::OnBody(*stage.filter, stage.Waiting(chain_.stream_), stage.waiting_trailers);
  };
  if (!chain_.Call(hook)) return;
  stage.collected = true;
  if (step == Step::kContinue) {
    Release(index);
    return;
  }
  PILLION_CHECK(step == Step::kPause);
  stage.state = State::kPaused;
  UpdateHold();
}

template <typename Head>
void Direction<Head>::Release(size_t index) {
  Stage& stage = stages_[index];
  stage.state = State::kRunning;
  if (stage.holds_head) {
    stage.holds_head = false;
    RunHead(index + 1, stage.head_end);
  }
  if (stage.holds_data) {
    stage.holds_data = false;
    RunData(index + 1, std::move(stage.held_data), stage.data_end);
  }
  if (stage.held_trailers != nullptr) RunTrailers(index + 1, *std::exchange(stage.held_trailers, nullptr));
  ReleaseWaiting(index);
  if (!closed_) UpdateHold();
}

template <typename Head>
void Direction<Head>::ReleaseWaiting(size_t index) {
  Stage& stage = stages_[index];
  // What was collected has been seen by the filter; what only waited goes through it.
  const size_t to = stage.collected ? index + 1 : index;
  while (stage.HasWaiting() && stage.state == State::kRunning && !closed_) {
    if (!stage.HasWaitingData() && !stage.waiting_end) {
      RunTrailers(to, *std::exchange(stage.waiting_trailers, nullptr));
      continue;
    }
    base::Slice data;
    if (stage.HasWaitingData()) data = stage.waiting->TakeFront();
    const bool end = !stage.HasWaitingData() && stage.waiting_end;
    if (end) stage.waiting_end = false;
    RunData(to, std::move(data), end);
  }
}

template <typename Head>
void Direction<Head>::AskToContinue(size_t stage) {
  stages_[stage].asked = true;
  chain_.AskForStep();
}

template <typename Head>
void Direction<Head>::ContinueAsked() {
  for (size_t i = 0; i < size_ && !closed_; ++i) {
    if (!std::exchange(stages_[i].asked, false) || stages_[i].state != State::kPaused) continue;
    Release(i);
  }
}

template <typename Head>
void Direction<Head>::SetHold(size_t stage, bool hold) {
  PILLION_CHECK(stage < size_);
  stages_[stage].hold = hold;
  UpdateHold();
}

template <typename Head>
void Direction<Head>::UpdateHold() {
  if (closed_) return;
  bool hold = false;
  for (size_t i = 0; i < size_; ++i) hold |= stages_[i].state == State::kPaused || stages_[i].hold;
  if (hold == held_) return;
  held_ = hold;
  HooksOf<Head>::Hold(chain_.ends_, hold);
}

template <typename Head>
void Direction<Head>::Close() {
  closed_ = true;
  for (size_t i = 0; i < size_; ++i) {
    if (stages_[i].waiting != nullptr) stages_[i].waiting->Clear();
    stages_[i].held_data = base::Slice();
  }
}

template class Direction<http::RequestHead>;
template class Direction<http::ResponseHead>;

}  // namespace pillion::filter
