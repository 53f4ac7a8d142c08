#include "source/client/line_stream.h"

#include <atomic>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/net/connection.h"
#include "source/upstream/connect_options.h"
#include "source/upstream/tls.h"

namespace pillion::client {
namespace {

constexpr size_t kPiece = 16 * 1024;  // in a block
constexpr base::Duration kConnectTimeout = std::chrono::seconds(5);

std::unique_ptr<const net::ConnectOptions> OptionsOf(const Target& target) {
  if (target.cluster == nullptr) return nullptr;
  std::optional<net::ConnectOptions> options = upstream::ConnectOptionsOf(*target.cluster);
  return options ? std::make_unique<const net::ConnectOptions>(*std::move(options)) : nullptr;
}

// What both threads know of a connection.
struct Shared {
  std::atomic<size_t> waiting{0};  // bytes that are not in the connection's output yet
  std::atomic<bool> open{false};
};

// The connection, on the thread's worker. What comes from the peer is read and forgotten.
//
// | state      | meaning                    | left by                                                     |
// |------------|----------------------------|-------------------------------------------------------------|
// | connecting | what is to be sent waits   | connected: open; failed, connect timeout: over              |
// | open       | it is written              | the end of the connection, from either side: over           |
// | over       | on_end was told, unless it | disposed of when the connection has closed                  |
// |            | was cancelled              |                                                             |
//
// Disposes of itself; nobody uses it from the end on.
class LineConnection final : private event::Deferred, private net::ConnectionOwner, private codec::Connection {
 public:
  using OnEnd = std::function<void(const std::string& why)>;

  LineConnection(const ThreadParts& thread, const Target& target, std::shared_ptr<Shared> shared, OnEnd on_end)
      : thread_(thread),
        target_(target),
        shared_(std::move(shared)),
        on_end_(std::move(on_end)),
        connect_options_(OptionsOf(target_)),
        connection_(thread.worker,
                    upstream::WrapUncounted(target_.tls.get(), target_.proxy_version, target_.hostname, std::nullopt,
                                            thread.worker,
                                            net::ConnectToHost(thread.worker, thread.connector, target_.address,
                                                               target_.addresses, connect_options_.get())),
                    *this, {}),
        connect_timer_(this,
                       [](void* self) {
                         static_cast<LineConnection*>(self)->Over("no connection within the connect timeout");
                       }) {
    connection_.set_codec(*this);
  }

  void Start() {
    thread_.worker.SetTimer(connect_timer_,
                            target_.cluster == nullptr ? kConnectTimeout : target_.cluster->connect_timeout);
    connection_.Start(true);
  }

  void Send(std::string bytes) {
    waiting_.push_back(std::move(bytes));
    if (state_ == State::kOpen) connection_.OutputAdded();
  }

  void Cancel() { Over(std::nullopt); }

 private:
  enum class State : uint8_t { kConnecting, kOpen, kOver };

  ~LineConnection() override = default;  // by Dispose()
  void Dispose() override { delete this; }

  // net::ConnectionOwner
  void OnConnected() override {
    if (state_ == State::kOver) return;
    state_ = State::kOpen;
    shared_->open.store(true, std::memory_order_relaxed);
    connect_timer_.Cancel();
    connection_.OutputAdded();
  }
  void OnClosed(net::CloseReason, int error) override {
    const std::string_view failure = connection_.transport().failure();
    Over(!failure.empty() ? std::string(failure) : error != 0 ? std::strerror(error) : "the connection ended");
    thread_.worker.Dispose(*this);
  }
  void OnActivity() override {}

  // codec::Connection
  size_t Receive(const base::Slice& data) override { return data.size(); }
  void ReceiveEnd() override { ending_ = codec::Ending::kClose; }
  void Abort(std::string_view) override {}
  void Produce(size_t budget) override {
    if (state_ != State::kOpen) return;
    base::Buffer& output = connection_.output();
    while (!waiting_.empty() && output.size() < budget) {
      const std::string_view piece = std::string_view(waiting_.front()).substr(sent_, kPiece);
      output.Append(piece);
      sent_ += piece.size();
      shared_->waiting.fetch_sub(piece.size(), std::memory_order_relaxed);
      if (sent_ < waiting_.front().size()) continue;
      waiting_.pop_front();
      sent_ = 0;
    }
  }
  void OutputDrained() override { connection_.OutputAdded(); }
  bool wants_read() const override { return true; }
  codec::Ending ending() const override { return ending_; }
  size_t active_streams() const override { return 0; }

  // Nothing: it was cancelled, and nobody is told.
  void Over(std::optional<std::string> why) {
    if (state_ == State::kOver) return;
    state_ = State::kOver;
    shared_->open.store(false, std::memory_order_relaxed);
    connect_timer_.Cancel();
    connection_.Close();
    if (why) on_end_(target_.address.text() + ": " + *why);
  }

  const ThreadParts thread_;
  const Target target_;
  const std::shared_ptr<Shared> shared_;
  const OnEnd on_end_;
  const std::unique_ptr<const net::ConnectOptions> connect_options_;
  net::Connection connection_;
  base::Timer connect_timer_;
  State state_ = State::kConnecting;
  codec::Ending ending_ = codec::Ending::kOpen;
  std::deque<std::string> waiting_;
  size_t sent_ = 0;  // of the first of them
};

}  // namespace

// What of a stream is on the main thread.
class ThreadLineDialer::RemoteStream final : public LineStream {
 public:
  using Ended = std::function<void(const std::string& why)>;

  RemoteStream(ControlThread& thread, const Target& target, size_t most_waiting, Ended ended)
      : thread_(thread), most_waiting_(most_waiting), ended_(std::make_shared<Ended>(std::move(ended))) {
    thread_.Post([&thread, target, shared = shared_, connection = connection_, ended = ended_] {
      auto told = [connection, ended, post = thread.post_to_main()](const std::string& why) {
        *connection = nullptr;
        post([ended, why] {
          if (const Ended call = std::exchange(*ended, nullptr)) call(why);
        });
      };
      *connection = new LineConnection(thread.parts(), target, shared, std::move(told));
      (*connection)->Start();
    });
  }
  ~RemoteStream() override {
    *ended_ = nullptr;
    thread_.Post([connection = connection_] {
      if (*connection != nullptr) std::exchange(*connection, nullptr)->Cancel();
    });
  }

  bool Send(std::string bytes) override {
    if (shared_->waiting.load(std::memory_order_relaxed) + bytes.size() > most_waiting_) return false;
    shared_->waiting.fetch_add(bytes.size(), std::memory_order_relaxed);
    thread_.Post([connection = connection_, bytes = std::move(bytes)]() mutable {
      if (*connection != nullptr) (*connection)->Send(std::move(bytes));
    });
    return true;
  }
  bool is_open() const override { return shared_->open.load(std::memory_order_relaxed); }

 private:
  ControlThread& thread_;
  const size_t most_waiting_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  const std::shared_ptr<Ended> ended_;  // main thread; null: nobody listens
  // The other thread's; null: it is over.
  const std::shared_ptr<LineConnection*> connection_ = std::make_shared<LineConnection*>(nullptr);
};

std::unique_ptr<LineStream> ThreadLineDialer::Connect(const Target& target, size_t most_waiting,
                                                      std::function<void(const std::string& why)> ended) {
  return std::make_unique<RemoteStream>(thread_, target, most_waiting, std::move(ended));
}

}  // namespace pillion::client
