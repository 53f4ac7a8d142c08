#pragma once

// One message that changes, sent to each stream that is open: at once, and whenever it is set anew. A stream that is
// slow skips what was replaced before it could be sent. Thread-safe; outlives the server that its streams belong to.
//
// A stream is deleted by gRPC's OnDone(), which comes when Finish() was called and no write is under way. So whoever has
// claimed a write, or the right to finish, may use the stream without the lock.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace pillion::ctl {

template <typename Message>
class UpdateFeed {
 public:
  void Set(Message message) {
    std::vector<Stream*> claimed;
    {
      const std::lock_guard lock(mutex_);
      current_ = std::make_shared<const Message>(std::move(message));
      for (Stream* stream : streams_) {
        if (stream->ClaimWrite()) claimed.push_back(stream);
      }
    }
    for (Stream* stream : claimed) stream->Write();
  }

  // All streams end, also those that come later.
  void End(const grpc::Status& status) {
    std::vector<Stream*> claimed;
    {
      const std::lock_guard lock(mutex_);
      end_ = status;
      for (Stream* stream : streams_) {
        if (stream->ClaimFinish(status)) claimed.push_back(stream);
      }
    }
    for (Stream* stream : claimed) stream->Finish(status);
  }

  grpc::ServerWriteReactor<Message>* Open() {
    auto* const stream = new Stream(*this);  // deletes itself
    bool write = false, finish = false;
    grpc::Status status;
    {
      const std::lock_guard lock(mutex_);
      streams_.insert(stream);
      if (end_) {
        status = *end_;
        finish = stream->ClaimFinish(status);
      } else {
        write = stream->ClaimWrite();
      }
    }
    if (write) stream->Write();
    if (finish) stream->Finish(status);
    return stream;
  }

  // A stream that only says why there is none.
  grpc::ServerWriteReactor<Message>* Refuse(const grpc::Status& status) {
    auto* const stream = new Stream(*this);
    stream->ClaimFinish(status);
    stream->Finish(status);
    return stream;
  }

 private:
  class Stream final : public grpc::ServerWriteReactor<Message> {
   public:
    explicit Stream(UpdateFeed& feed) : feed_(feed) {}

    // Both with the feed's lock. True: the caller has to do it.
    bool ClaimWrite() {
      if (busy_ || finished_ || end_ || sent_ == feed_.current_) return false;
      busy_ = true;
      sent_ = feed_.current_;
      return true;
    }
    bool ClaimFinish(const grpc::Status& status) {
      if (!end_) end_ = status;
      return !busy_ && !std::exchange(finished_, true);
    }

    void Write() { this->StartWrite(sent_.get()); }

    void OnWriteDone(bool ok) override {
      bool write = false, finish = false;
      {
        const std::lock_guard lock(feed_.mutex_);
        busy_ = false;
        if (!ok && !end_) end_ = grpc::Status::CANCELLED;
        finish = end_ && ClaimFinish(*end_);
        write = ClaimWrite();
      }
      if (write) Write();
      if (finish) this->Finish(*end_);
    }
    void OnCancel() override {
      {
        const std::lock_guard lock(feed_.mutex_);
        if (!ClaimFinish(grpc::Status::CANCELLED)) return;
      }
      this->Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override {
      {
        const std::lock_guard lock(feed_.mutex_);
        feed_.streams_.erase(this);
      }
      delete this;
    }

   private:
    UpdateFeed& feed_;
    bool busy_ = false;                    // a write is under way
    bool finished_ = false;                // Finish() was called, or is about to be
    std::optional<grpc::Status> end_;      // why it is to end, when it is not busy any more
    std::shared_ptr<const Message> sent_;  // the last one, which may be under way
  };

  std::mutex mutex_;
  std::shared_ptr<const Message> current_;  // null: none yet
  std::optional<grpc::Status> end_;
  std::set<Stream*> streams_;
};

}  // namespace pillion::ctl
