#include "source/admin/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <random>
#include <set>

#include "source/admin/request_log.h"
#include "source/admin/socket.h"
#include "source/admin/sparingly.h"
#include "source/base/random.h"
#include "source/http/syntax.h"
#include "source/match/ip_range.h"
#include "source/tls/facts.h"
#include "source/tls/standing.h"
#include "source/tls/stream.h"

namespace pillion::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::http::field;
using boost::system::error_code;
using BeastRequest = beast::http::request<beast::http::string_body>;
using BeastResponse = beast::http::response<beast::http::string_body>;
using TlsStream = asio::ssl::stream<Stream&>;

// After an accept that failed, which is for want of descriptors or memory.
constexpr std::chrono::milliseconds kAcceptAgain{100};

// Of what a client sent, in the log.
constexpr size_t kShown = 100;

constexpr std::string_view kPagePolicy =
    "default-src 'none'; connect-src 'self'; form-action 'self'; style-src 'unsafe-inline'; script-src "
    "'unsafe-inline'; "
    "frame-ancestors 'none'";

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

// A page of another origin must not press the buttons here: browsers name the origin of every POST.
bool FromElsewhere(const BeastRequest& request) {
  const auto origin = request.find(field::origin);
  if (origin == request.end()) return false;
  const std::string_view text = View(origin->value());
  const size_t scheme = text.find("://");
  return scheme == std::string_view::npos || text.substr(scheme + 3) != View(request[field::host]);
}

// A name that somebody else's DNS may have led here, so that a browser takes the page behind it for one of this origin
// (DNS rebinding). Addresses, localhost and names without a dot are nobody's to lead.
bool IsNameOfOthers(std::string_view host) {
  constexpr size_t kNone = std::string_view::npos;
  const size_t colon = host.rfind(':');
  if (colon != kNone && host.find_first_of(".]", colon) == kNone) host = host.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) return !match::IpAddress::Parse(host.substr(1, host.size() - 2));
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.find('.') == kNone || match::IpAddress::Parse(host)) return false;
  constexpr std::string_view kLocal = ".localhost";
  return host.size() <= kLocal.size() || !http::EqualsIgnoreCase(host.substr(host.size() - kLocal.size()), kLocal);
}

std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, kShown));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return shown;
}

int StatusOf(const error_code& error) {
  if (error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow) return 431;
  if (error == beast::http::error::body_limit) return 413;
  return 400;
}

std::string TextOf(const error_code& error) {
  if (error != beast::http::error::body_limit) return error.message() + "\n";
  return "the body is too large, expected at most 64 KiB, or 16 MiB for /api/reload\n";
}

}  // namespace

class Session;

// What the server and its connections share. A connection may still hold it for a moment when the server has gone:
// then it is closed, and nothing that it refers to is touched.
class Server::State : public std::enable_shared_from_this<State> {
 public:
  struct Figures {
    explicit Figures(stats::Registry& stats);
    stats::Scope scope;
    stats::Gauge* cx_active;
    stats::Counter* cx_total;
    stats::Counter* cx_overflow;
    stats::Counter* rq_total;
    stats::Counter* rq_overload;
    stats::Counter* access_denied;
    stats::Counter* handshake_failed;
    stats::Counter* rq_classes[6];  // [2]: 2xx
  };

  State(asio::io_context& io, Endpoints& endpoints, const Access& access, stats::Registry& stats,
        std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs, const Say& say, const Limits& limits)
      : limits(limits),
        endpoints(endpoints),
        access(access),
        log_index(stats.workers()),
        access_logs(std::move(access_logs)),
        figures(std::in_place, stats),
        requests_refused(say),
        handshakes_refused(say),
        acceptor_(io),
        retry_(io) {}

  absl::Status Listen(const config::Address& address);
  void Close();
  config::Address local_address() const { return ToAddress(acceptor_.local_endpoint()); }

  const Limits limits;
  Endpoints& endpoints;
  const Access& access;
  const size_t log_index;
  std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs;
  std::optional<Figures> figures;
  // What is said in the log of those that were refused.
  Sparingly requests_refused;
  Sparingly handshakes_refused;
  std::set<Session*> sessions;
  size_t waiting_bytes = 0;
  uint64_t connections = 0;
  base::Random random{std::random_device{}()};
  base::BlockPool pool;
  bool closed = false;

 private:
  void Accept();
  void OnAccept(Stream::socket_type&& socket);

  Acceptor acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>
      retry_;
  std::string socket_file_;  // to be removed in the end
};

// One connection: with TLS a handshake first; then it reads a request, writes its answer, again. Kept alive by its pending
// operation; ends by an error, a timeout, the client's wish or the server's end.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Server::State> state, Stream::socket_type&& socket);
  ~Session();

  void Start();
  void Close() { stream_.close(); }

 private:
  void OnHandshake(const error_code& error);
  void Read();
  void OnHead(const error_code& error);
  void OnRead(const error_code& error);
  // A request is to be answered.
  void Begin();
  Reply Answer();
  // Who asks now: as it came, but for what has changed since.
  Client Asking();
  // Of a request that its sender may not make.
  std::optional<Reply> Refuse(const Request& request);
  void Write(Reply reply);
  void OnWrite(const error_code& error);
  void End();
  void Log();

  const std::shared_ptr<Server::State> state_;
  Stream stream_;
  std::shared_ptr<const tls::Context> context_;  // null: plain
  std::optional<TlsStream> tls_;                 // over stream_
  std::optional<tls::Facts> facts_;              // of tls_
  Client client_;
  const uint64_t connection_id_;
  std::string peer_;  // its address
  std::string who_;   // the same for people: of a unix socket, where there is none, the process
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  BeastRequest request_;
  BeastResponse response_;
  size_t body_received_ = 0;
  size_t body_size_ = 0;
  std::function<void()> after_;
  base::WallTime start_time_;
  base::MonotonicTime start_;
};

Server::State::Figures::Figures(stats::Registry& stats)
    : scope(stats, stats::Prefix("http").Add(stats::kHttpPrefix, "admin")) {
  stats::Shard& shard = stats.shard(stats.workers());
  cx_active = shard.gauge(scope.AddGauge("downstream_cx_active"));
  cx_total = shard.counter(scope.AddCounter("downstream_cx_total"));
  cx_overflow = shard.counter(scope.AddCounter("downstream_cx_overflow"));
  rq_total = shard.counter(scope.AddCounter("downstream_rq_total"));
  rq_overload = shard.counter(scope.AddCounter("downstream_rq_overload_close"));
  access_denied = shard.counter(scope.AddCounter("access_denied"));
  handshake_failed = shard.counter(scope.AddCounter("downstream_cx_handshake_failed"));
  rq_classes[0] = nullptr;
  for (int i = 1; i < 6; ++i)
    rq_classes[i] = shard.counter(scope.AddCounter(fmt::format("downstream_rq_{}xx", i)));
}

absl::Status Server::State::Listen(const config::Address& address) {
  if (absl::Status status = OpenListening(acceptor_, address, socket_file_); !status.ok()) return status;
  Accept();
  return absl::OkStatus();
}

void Server::State::Accept() {
  acceptor_.async_accept([self = shared_from_this()](const error_code& error, Stream::socket_type socket) {
    if (self->closed) return;
    if (error) {
      self->retry_.expires_after(kAcceptAgain);
      self->retry_.async_wait([self](const error_code&) {
        if (!self->closed) self->Accept();
      });
      return;
    }
    self->OnAccept(std::move(socket));
    self->Accept();
  });
}

void Server::State::OnAccept(Stream::socket_type&& socket) {
  figures->cx_total->Increment();
  if (sessions.size() >= limits.connections) {
    figures->cx_overflow->Increment();
    return;  // closes it
  }
  std::make_shared<Session>(shared_from_this(), std::move(socket))->Start();
}

void Server::State::Close() {
  closed = true;
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  for (Session* session : sessions) session->Close();
  if (!socket_file_.empty()) unlink(socket_file_.c_str());
  access_logs.clear();
  figures.reset();
}

Session::Session(std::shared_ptr<Server::State> state, Stream::socket_type&& socket)
    : state_(std::move(state)),
      stream_(std::move(socket)),
      connection_id_(++state_->connections),
      buffer_(state_->limits.head_bytes + state_->limits.body_bytes) {
  error_code error;
  const Protocol::endpoint peer = stream_.socket().remote_endpoint(error);
  if (!error) {
    const config::Address address = ToAddress(peer);
    peer_ = config::AddressText(address);
    client_ = ClientOf(stream_.socket(), address);
    who_ = WhoText(client_, peer_);
  }
  state_->sessions.insert(this);
  state_->figures->cx_active->Increment();
}

Session::~Session() {
  state_->sessions.erase(this);
  if (!state_->closed) state_->figures->cx_active->Decrement();
}

void Session::Start() {
  if (state_->access.tls() == nullptr) {
    Read();
    return;
  }
  context_ = state_->access.tls()->current();
  if (context_ == nullptr) return;  // its secrets have not come yet, and nobody is served without: the connection ends
  SSL* const ssl = tls::NewServerStream(*context_);
  if (ssl == nullptr) return;
  tls_.emplace(stream_, ssl);
  stream_.expires_after(state_->limits.handshake_timeout);
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [self = shared_from_this()](const error_code& error) { self->OnHandshake(error); });
}

void Session::OnHandshake(const error_code& error) {
  if (state_->closed) return;
  if (error) {
    state_->figures->handshake_failed->Increment();
    const std::string refusal = tls::StreamRefusal(tls_->native_handle());
    state_->handshakes_refused.Say(
        fmt::format("TLS of {}: {}{}{}", who_, error.message(), refusal.empty() ? "" : ": ", refusal));
    return;
  }
  facts_.emplace(tls_->native_handle(), context_);
  facts_->Settle();
  if (facts_->peer_verified()) {
    for (const identity::SubjectName& name : facts_->peer()->names()) {
      if (name.type == identity::NameType::kUri) client_.uris.push_back(name.text);
    }
  }
  Read();
}

void Session::Read() {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(state_->limits.head_bytes));
  parser_->body_limit(std::max(state_->limits.body_bytes, state_->limits.large_body_bytes));
  stream_.expires_after(state_->limits.request_timeout);
  auto done = [self = shared_from_this()](const error_code& error, size_t) { self->OnHead(error); };
  if (tls_) {
    beast::http::async_read_header(*tls_, buffer_, *parser_, std::move(done));
  } else {
    beast::http::async_read_header(stream_, buffer_, *parser_, std::move(done));
  }
}

// How much may follow is known now; and who may not ask is told so before he sends it.
void Session::OnHead(const error_code& error) {
  if (error || state_->closed) return OnRead(error);
  Request request;
  const bool is_path = ParseTarget(View(parser_->get().target()), request);
  const Endpoint* const endpoint = is_path ? Endpoints::Find(request.path) : nullptr;
  const bool large = endpoint != nullptr && endpoint->takes_body;
  const size_t most = large ? state_->limits.large_body_bytes : state_->limits.body_bytes;
  if (parser_->content_length().value_or(0) > most) return OnRead(beast::http::error::body_limit);
  parser_->body_limit(most);
  if (large) {
    request.method = std::string(View(parser_->get().method_string()));
    request_ = parser_->get();
    if (std::optional<Reply> refusal = Refuse(request)) {
      Begin();
      request_.keep_alive(false);
      return Write(*std::move(refusal));
    }
  }
  auto done = [self = shared_from_this()](const error_code& read, size_t) { self->OnRead(read); };
  if (tls_) {
    beast::http::async_read(*tls_, buffer_, *parser_, std::move(done));
  } else {
    beast::http::async_read(stream_, buffer_, *parser_, std::move(done));
  }
}

void Session::Begin() {
  start_ = base::SystemClock().MonotonicNow();
  start_time_ = base::SystemClock().WallNow();
  state_->figures->rq_total->Increment();
}

void Session::OnRead(const error_code& error) {
  if (state_->closed) return;
  // Anything but an error of the parser is the connection's end.
  const bool malformed = error && error.category() == error_code(beast::http::error::bad_method).category();
  if (error == beast::http::error::end_of_stream || error == beast::http::error::partial_message ||
      (error && !malformed)) {
    return;
  }
  Begin();
  request_ = parser_->release();
  body_received_ = request_.body().size();
  if (malformed) {
    request_.keep_alive(false);
    Write(Reply::Text(StatusOf(error), TextOf(error)));
    return;
  }
  Write(Answer());
}

Reply Session::Answer() {
  Request request;
  request.method = std::string(View(request_.method_string()));
  if (!ParseTarget(View(request_.target()), request)) return Reply::Text(400, "expected a path\n");
  const Endpoint* const endpoint = Endpoints::Find(request.path);
  if (endpoint != nullptr && endpoint->takes_body) {
    request.body = std::move(request_.body());
  } else if (View(request_[field::content_type]).starts_with("application/x-www-form-urlencoded")) {
    AddForm(request_.body(), request);
  }
  if (request.method == "POST" && FromElsewhere(request_)) {
    return Reply::Text(403, "requests of another origin are not taken\n");
  }
  if (std::optional<Reply> refusal = Refuse(request)) return *std::move(refusal);
  if (state_->waiting_bytes >= state_->limits.waiting_bytes) {
    state_->figures->rq_overload->Increment();
    request_.keep_alive(false);
    return Reply::Text(503, "too many answers wait for slow readers\n");
  }
  return state_->endpoints.Answer(request);
}

Client Session::Asking() {
  Client client = client_;
  if (!client.uid && IsNameOfOthers(View(request_[field::host]))) client.local = false;
  if (client.uris.empty()) return client;
  // Whom nobody vouches for any more, or whose time is over, is nobody.
  const std::shared_ptr<const tls::Context> current = state_->access.tls()->current();
  const absl::Time now = absl::FromChrono(base::SystemClock().WallNow());
  if (current == nullptr || tls::Verdicts().Of(*facts_, *current, now) != tls::Standing::kGood) client.uris.clear();
  return client;
}

std::optional<Reply> Session::Refuse(const Request& request) {
  // Of two that differ nobody can say which one counts.
  const bool once = request_.count(field::authorization) == 1;
  const std::string_view authorization = once ? View(request_[field::authorization]) : std::string_view();
  const config::AdminRole needed = Endpoints::RoleFor(request.path);
  const config::AdminRoles roles = state_->access.RolesOf(Asking(), authorization);
  if (roles.Has(needed)) return std::nullopt;
  state_->figures->access_denied->Increment();
  const std::string what = Shown(request.path);
  state_->requests_refused.Say(fmt::format("{} {} of {} was refused: it needs the role {} and has {}",
                                           Shown(request.method), what, who_, RoleName(needed), RolesText(roles)));
  std::string text = fmt::format("{} needs the role {}, and you have {}", what, RoleName(needed), RolesText(roles));
  if (!state_->access.configured()) {
    text += "; ask from the machine itself, or grant roles: pillion.admin.v1.AdminAccess in bootstrap_extensions";
  }
  return Reply::Text(state_->access.TakesToken(authorization) ? 401 : 403, text + "\n");
}

void Session::Write(Reply reply) {
  after_ = std::move(reply.after);
  body_size_ = reply.body.size();
  state_->waiting_bytes += body_size_;
  state_->figures->rq_classes[reply.status / 100]->Increment();

  response_ = BeastResponse(static_cast<beast::http::status>(reply.status), request_.version());
  response_.set(field::server, "pillion");
  response_.set(field::content_type, beast::string_view(reply.content_type.data(), reply.content_type.size()));
  response_.set(field::cache_control, "no-cache, max-age=0");
  response_.set("x-content-type-options", "nosniff");
  if (reply.content_type.starts_with("text/html")) {
    response_.set("content-security-policy", beast::string_view(kPagePolicy.data(), kPagePolicy.size()));
  }
  if (reply.status == 401) response_.set(field::www_authenticate, "Bearer");
  if (reply.status == 405) response_.set(field::allow, "GET, HEAD, POST");
  response_.keep_alive(request_.keep_alive());
  response_.content_length(body_size_);
  if (request_.method() != beast::http::verb::head) response_.body() = std::move(reply.body);

  stream_.expires_after(state_->limits.response_timeout);
  auto done = [self = shared_from_this()](const error_code& error, size_t) { self->OnWrite(error); };
  if (tls_) {
    beast::http::async_write(*tls_, response_, std::move(done));
  } else {
    beast::http::async_write(stream_, response_, std::move(done));
  }
}

void Session::OnWrite(const error_code& error) {
  state_->waiting_bytes -= body_size_;
  if (state_->closed) return;
  Log();
  const bool again = !error && response_.keep_alive();
  response_ = BeastResponse();
  if (const std::function<void()> after = std::move(after_)) after();
  if (state_->closed) return;
  if (again) {
    Read();
  } else if (!error) {
    End();
  }
}

void Session::End() {
  const auto shut = [this] {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  };
  if (!tls_) {
    shut();
    return;
  }
  stream_.expires_after(state_->limits.handshake_timeout);
  tls_->async_shutdown([self = shared_from_this(), shut](const error_code&) { shut(); });
}

void Session::Log() {
  LoggedRequest logged{.method = View(request_.method_string()),
                       .scheme = tls_ ? "https" : "http",
                       .authority = View(request_[field::host]),
                       .path = View(request_.target()),
                       .fields = {},
                       .is_http10 = request_.version() == 10,
                       .status = response_.result_int(),
                       .bytes_received = body_received_,
                       .bytes_sent = response_.body().size(),
                       .start_time = start_time_,
                       .start = start_,
                       .peer = peer_,
                       .connection_id = connection_id_,
                       .random = state_->random.Next()};
  for (const auto& header : request_) logged.fields.emplace_back(View(header.name_string()), View(header.value()));
  LogRequest(state_->access_logs, state_->log_index, state_->pool, logged);
}

Server::Server(asio::io_context& io, Endpoints& endpoints, const Access& access, stats::Registry& stats,
               std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs, const Say& say, const Limits& limits)
    : state_(std::make_shared<State>(io, endpoints, access, stats, std::move(access_logs), say, limits)) {}

Server::~Server() {
  state_->Close();
}

absl::Status Server::Listen(const config::Address& address) {
  return state_->Listen(address);
}

config::Address Server::local_address() const {
  return state_->local_address();
}

}  // namespace pillion::admin
