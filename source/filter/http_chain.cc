#include "source/filter/http_chain.h"

#include <memory>

#include "source/filter/http_chain_call.h"

namespace pillion::filter {

HttpChain::HttpChain(StreamContext& stream, ChainEnds& ends, const ChainMember& first, size_t filters)
    : stream_(stream),
      ends_(ends),
      members_(stream.arena().NewArray<ChainMember>(filters)),
      request_(*this, stream.arena(), filters),
      response_(*this, stream.arena(), filters),
      step_(this, [](void* self) { static_cast<HttpChain*>(self)->RunStep(); }) {
  Add(first);
}

HttpChain::~HttpChain() {
  for (size_t i = 0; i < size_; ++i) members_[i].filter->~HttpFilter();
}

void HttpChain::Add(const ChainMember& member) {
  member.filter->chain_ = this;
  member.filter->stream_ = &stream_;
  member.filter->index_ = static_cast<uint32_t>(size_);
  members_[size_++] = member;
  request_.Add(member);
}

bool HttpChain::MakeNext() {
  const ChainMember made = ends_.MakeFilter();
  if (made.filter == nullptr) return false;
  Add(made);
  return true;
}

void HttpChain::MakeRest() {
  while (MakeNext()) {
  }
  for (size_t i = size_; i-- > 0;) response_.Add(members_[i]);
}

void HttpChain::OnAttempt(http::RequestHead& head, const Attempt& attempt) {
  for (size_t i = 0; i < size_; ++i) {
    if ((members_[i].hooks & kAttempt) != 0) members_[i].filter->OnAttempt(head, attempt);
  }
}

void HttpChain::End() {
  if (ended_) return;
  ended_ = true;
  step_.Unlink();
  request_.Close();
  response_.Close();
  for (size_t i = 0; i < size_; ++i) {
    if ((members_[i].hooks & kEnd) != 0) members_[i].filter->OnEnd();
  }
}

void HttpChain::AskForStep() {
  if (!ended_) stream_.worker().Step(step_);
}

void HttpChain::RunStep() {
  if (reply_ != nullptr) {
    SendReply();
    return;
  }
  request_.ContinueAsked();
  response_.ContinueAsked();
}

void HttpChain::TakeReply(const Reply& reply) {
  if (ended_ || reply_ != nullptr) return;
  reply_ = stream_.arena().New<Reply>(reply);
  if (!in_hook_) AskForStep();
}

void HttpChain::SendReply() {
  request_.Close();
  ends_.OnFilterReply(*std::exchange(reply_, nullptr));
}

FilterPart HttpFilter::ChooseRoute() {
  stream_->ChooseRoute();
  return chain_->ends_.PartOf(chain_->members_[index_].place);
}
void HttpFilter::ContinueRequest() { chain_->request_.AskToContinue(index_); }
void HttpFilter::ContinueResponse() { chain_->response_.AskToContinue(chain_->ResponseStage(index_)); }
void HttpFilter::SendReply(const Reply& reply) { chain_->TakeReply(reply); }
void HttpFilter::EmitRequestData(base::Slice data, bool end) { chain_->request_.Emit(index_, std::move(data), end); }
void HttpFilter::EmitResponseData(base::Slice data, bool end) {
  chain_->response_.Emit(chain_->ResponseStage(index_), std::move(data), end);
}
void HttpFilter::HoldRequest(bool hold) { chain_->request_.SetHold(index_, hold); }
void HttpFilter::HoldResponse(bool hold) { chain_->response_.SetHold(chain_->ResponseStage(index_), hold); }

}  // namespace pillion::filter
