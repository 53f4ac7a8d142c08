#include "source/admin/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "source/admin/request_log.h"
#include "source/http/syntax.h"
#include "source/match/ip_range.h"
#include "source/tls/standing.h"
#include "source/tls/stream.h"

namespace pillion::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::http::field;
using boost::system::error_code;

// Of a request that was answered before its end: how long, and how much of it, is taken.
constexpr std::chrono::seconds kLinger{5};
constexpr size_t kMostDiscarded = 64 << 20;

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
bool FromElsewhere(const beast::http::request<beast::http::string_body>& request) {
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
  waits_since_ = base::SystemClock().MonotonicNow();
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
  waits_since_ = base::SystemClock().MonotonicNow();
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
      unread_ = true;
      request_.keep_alive(false);
      return Write(*std::move(refusal));
    }
  }
  waits_since_ = base::SystemClock().MonotonicNow();
  auto done = [self = shared_from_this()](const error_code& read, size_t) { self->OnRead(read); };
  if (tls_) {
    beast::http::async_read(*tls_, buffer_, *parser_, std::move(done));
  } else {
    beast::http::async_read(stream_, buffer_, *parser_, std::move(done));
  }
}

void Session::Begin() {
  waits_since_.reset();
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
    unread_ = true;
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
  request.accept = std::string(View(request_[field::accept]));
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
    stream_.expires_after(kLinger);
    if (unread_) Discard();
  };
  if (!tls_) {
    shut();
    return;
  }
  stream_.expires_after(state_->limits.handshake_timeout);
  tls_->async_shutdown([self = shared_from_this(), shut](const error_code&) { shut(); });
}

void Session::Discard() {
  buffer_.clear();
  const auto more = [self = shared_from_this()](const error_code& error, size_t size) {
    self->discarded_ += size;
    if (!error && !self->state_->closed && self->discarded_ < kMostDiscarded) self->Discard();
  };
  stream_.async_read_some(buffer_.prepare(buffer_.max_size()), more);
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

}  // namespace pillion::admin
