#pragma once

// One request and its response, both sides in view.
//
// Request and response run independently; the stream is over when both have ended, or either was cut short.
//
// | request    | meaning                                       | response | meaning                                 |
// |------------|-----------------------------------------------|----------|-----------------------------------------|
// | kHead      | its head is not complete                      | kNone    | nothing sent                            |
// | kBody      | body is coming                                | kHead    | head sent, body going                   |
// | kComplete  | all of it has come                            | kComplete| all of it was handed to the codec       |
//
// Between the codecs and what is done with their messages stands the chain of filters, where there are any: OnRequest...
// and OnUpstream... hand to it, ...Passed() is what comes out of it (stream_filters.cc). Gates in front of it are asked
// once, when the route is known.
//
// Who is made to wait: downstream, while the upstream stream is not open yet or has more than it can send
// (OnData -> UpstreamRequest::SendData false); upstream, while downstream has (ServerStream::SendData false); each, while
// a filter holds what comes from it.
// A tunnel (upgrade) is a stream whose both bodies end by half-close.
//
// Owns itself: made by Make(), gone at the end of the turn in which Finish() was called.

#include <string_view>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/event/worker.h"
#include "source/filter/http_chain.h"
#include "source/proxy/downstream_connection.h"
#include "source/proxy/mirror.h"
#include "source/proxy/named_hosts.h"
#include "source/proxy/requester.h"
#include "source/proxy/retry.h"
#include "source/proxy/routing.h"
#include "source/proxy/upstream_request.h"
#include "source/route/table.h"
#include "source/telemetry/response_flag.h"

namespace pillion::proxy {

class Stream final : public codec::RequestReceiver,
                     public base::ListNode<ScaledTag>,
                     public base::ListNode<LineDueTag>,
                     private filter::StreamContext,
                     private filter::ChainEnds,
                     private event::Deferred {
 public:
  static Stream& Make(DownstreamConnection& connection, codec::ServerStream& downstream);

  Stream(DownstreamConnection& connection, codec::ServerStream& downstream);
  ~Stream();

  // What upstream requests tell. A response may begin while the request is still coming.
  void OnUpstreamOpen();  // the newest takes body now
  // Just before the head of an attempt is sent.
  void PrepareUpstreamHead(const UpstreamRequest& attempt);
  void OnUpstreamInformational(http::ResponseHead& head);
  // True: the response is given up: another attempt is made, or there is one.
  bool RetryAfter(UpstreamRequest& attempt, const http::ResponseHead& head);
  void OnUpstreamHead(UpstreamRequest& attempt, http::ResponseHead& head, bool end);
  void OnUpstreamData(base::Slice data, bool end);
  void OnUpstreamTrailers(http::HeaderMap& trailers);
  void OnUpstreamSendReady();
  // The upstream request is over and has given no (whole) response.
  void OnUpstreamFailure(UpstreamRequest& attempt, const UpstreamFailure& failure);

  base::Arena& arena() override { return arena_; }
  // Where an ORIGINAL_DST cluster shall go: as a field of the request says, else as the connection was meant.
  std::optional<net::Address> OriginalDestination(const config::Cluster& cluster);
  ConnectionManagerShard& manager() { return *manager_; }
  WorkerContext& context() { return manager_->context; }
  http::RequestHead& request() override { return *request_; }
  const route::Entry& entry() const { return *route_; }
  const RequestTerms& terms() const { return terms_; }
  base::MonotonicTime request_ended() const { return request_ended_; }  // 0: all of it has not come yet
  // Which host of the destination's an attempt should have.
  upstream::PickContext WantedHost() {
    if (destination_.choice == nullptr && annotations_ == nullptr && !route_->Has(route::Entry::kHasCriteria)) {
      return {.hash = hash_, .lane = lane_wish_};
    }
    const config::LbCriteria& criteria =
        destination_.choice != nullptr ? destination_.choice->lb_criteria : route_->forward->lb_criteria;
    const bool noted = annotations_ != nullptr;
    return {.hash = hash_, .criteria = noted ? NotedCriteria(criteria) : criteria.view(), .lane = lane_wish_};
  }
  // What filters have noted; null: nothing.
  const metadata::Annotations* notes() const override { return annotations_; }
  // Where the first attempt shall go, as filters have it; empty: anywhere.
  std::string_view session_host() const { return session_host_; }
  bool only_session_host() const { return only_session_host_; }
  // Of the hosts that the request names, those that no attempt has taken yet.
  NamedHosts::Left& names_left() { return names_left_; }
  // Where the attempt went that begins.
  void set_lane_outcome(upstream::LaneOutcome outcome) { lane_outcome_ = outcome; }
  bool response_begun() const { return response_begun_; }
  // That were made of this request, since it was redirected last.
  uint32_t attempts() const { return newest_ == nullptr ? 0 : newest_->number(); }
  // A filter has said that the request asks for the health of somebody.
  bool is_health_check() const { return health_check_; }
  // The idle timeout has become shorter, or longer again, under load.
  void Rescale();
  // The request is a CONNECT that ends here, or a POST that is taken for one.
  bool ends_connect() const {
    if (!route_->Has(route::Entry::kEndsConnect)) [[likely]] return false;
    return (request_->method_id == http::Method::kConnect && request_->upgrade.empty()) ||
           (request_->method_id == http::Method::kPost && route_->forward->ended_connect->allow_post);
  }
  // Where connections to hosts come from for its client; empty: from here.
  std::string_view source() const { return connection_.source(); }
  // What names the client to a host; in the arena.
  std::string_view ProxyHead(net::ProxyVersion version, const net::ProxyTlvs* tlvs);
  // Its lines of the access log. Once, when it is over and what it has said in this turn is written.
  void Log();

 private:
  enum class RequestState : uint8_t { kHead, kBody, kComplete };
  enum class ResponseState : uint8_t { kNone, kHead, kComplete };

  // codec::RequestReceiver
  void OnRequestHead(http::RequestHead& head, bool end) override;
  void OnData(base::Slice data, bool end) override;
  void OnTrailers(http::HeaderMap& trailers) override;
  void OnReset(codec::ResetReason reason, std::string_view detail) override;
  void OnRequestError(const codec::RequestError& error) override;
  void OnSendReady() override;
  codec::ByteMeter* meter() override { return &meter_; }

  // filter::StreamContext
  event::Worker& worker() override { return context().worker; }
  base::Random& random() override { return context().random; }
  base::MonotonicTime began() const override { return started_; }
  const http::ResponseHead* response() const override;
  const config::Route* route() const override { return route_ == nullptr ? nullptr : route_->route; }
  const config::VirtualHost* virtual_host() const override { return route_ == nullptr ? nullptr : route_->virtual_host; }
  void ChooseRoute() override;
  bool routes_by_notes() const override { return routes_ && routes_->table().matches_notes(); }
  std::string_view cluster_name() const override { return destination_.cluster_name; }
  void SendTo(std::string_view cluster) override;
  std::string_view downstream_remote_address() override;
  void SetFlag(telemetry::ResponseFlag flag) override { flags_.Set(flag); }
  telemetry::ResponseFlags flags() const override { return flags_; }
  std::string_view cluster_stat_name() const override;
  std::array<const config::FilterConfig*, 3> Overrides(std::string_view filter) const override;
  metadata::Annotations& annotations() override;
  void Describe(telemetry::RequestRecord& record) override;
  access::Request AccessRequest() override;
  void KeepDeadline(base::MonotonicTime at) override { kept_deadline_ = at; }
  filter::CarriedContext* carried_context() const override { return carried_context_; }
  void Carry(filter::CarriedContext& context) override { carried_context_ = &context; }
  void GoToLane(const upstream::LaneWish& wish) override {
    lane_wish_ = &wish;
    if (wish.forced) forced_wish_ = &wish;
  }
  void GoToHost(std::string_view address, bool only) override {
    session_host_ = address;
    only_session_host_ = only;
  }
  const upstream::LaneWish* lane_wish() const override { return lane_wish_; }
  upstream::LaneOutcome lane_outcome() const override { return lane_outcome_; }
  void MirrorTo(const filter::MirrorWish& wish) override { mirror_wish_ = &wish; }
  void TurnOff(filter::FeatureSet features) override { turned_off_ = features; }
  filter::FeatureSet turned_off() const override { return turned_off_; }
  void Explain() override { explains_ = true; }
  bool explains() const override { return explains_; }
  void SetHealthCheck() override { health_check_ = true; }

  // filter::ChainEnds: of those behind the gates.
  filter::ChainMember MakeFilter() override;
  filter::FilterPart PartOf(uint32_t place) override { return PartOf(manager().filters[place]); }
  void OnRequestHeadPassed(bool end) override;
  void OnRequestDataPassed(base::Slice data, bool end) override;
  void OnRequestTrailersPassed(http::HeaderMap& trailers) override;
  void OnResponseHeadPassed(http::ResponseHead& head, bool end) override;
  void OnResponseDataPassed(base::Slice data, bool end) override;
  void OnResponseTrailersPassed(http::HeaderMap& trailers) override;
  void HoldRequest(bool hold) override;
  void HoldResponse(bool hold) override;
  void OnRequestBodyWanted() override;
  void OnFilterReply(const filter::Reply& reply) override;
  void OnRequestTooLarge() override;
  void OnResponseTooLarge() override;

  // event::Deferred
  void Dispose() override;

  // What the filters do to the request, by the route that was chosen.
  void FilterRequest(bool end);
  // Of a manager that chooses tables by scope (stream_route.cc): the request's is by its key as it is now.
  void EnterScope();
  event::Kept<RoutesShard> RoutesOfScope(const LiveRoutes*& scope);
  void KeepRoutes(event::Kept<RoutesShard> routes);
  // False: one has answered the request.
  bool PassGates();
  // Of its route table; null: there is none.
  const config::FilterOverrides* table_overrides() const {
    return routes_ ? &routes_->table().config().filter_overrides : nullptr;
  }
  // Null where there is nothing to filter.
  filter::HttpChain* MakeChain();
  filter::FilterPart PartOf(const ChainFilter& filter) const;
  void CompleteRequest();
  // True: the client waits for a 100 from here. Who gets it has no further one to wait for.
  bool TakeExpectation();
  void SendContinue();
  bool StartUpgrade(std::string_view protocol);  // false: a local reply was sent
  // What the route says of the heads (stream_route.cc).
  // What the manager changes of every request.
  void EditEarly();
  // False: an answer was sent.
  bool TakeHead();
  bool TakePath();
  void ApplyRoute();
  void HashRequest();
  // `criteria`, and what filters have noted for the choice of hosts.
  config::LbCriteriaView NotedCriteria(const config::LbCriteria& criteria);
  // Because of our own load, before anything is made of the request.
  void RefuseForOverload(bool end);
  bool DropForOverload();  // of ours, or of the upstream's; true: an answer was sent
  void LimitDuration();
  void SetAttemptFields(uint32_t number);
  size_t MostHeld();  // of the request's body, to be sent again
  void UseHostOf(const UpstreamRequest& attempt);
  void EditResponseHead(http::ResponseHead& head);
  void SendRedirect(const config::Redirect& redirect);
  // Of the request, beside its head.
  match::StreamFacts Facts() const { return {.notes = annotations_, .certificate = connection_.peer_certificate()}; }
  // Answers that redirect, as far as they are followed here (stream_redirect.cc). False: the answer passes.
  bool FollowRedirect(const http::ResponseHead& head);
  bool Redirect(const config::InternalRedirect& policy, const http::ResponseHead& answer);
  bool MayRedirectTo(const config::InternalRedirect& policy, const route::Entry& next, std::string_view scheme_before) const;
  void StartAnew();
  void StartForwarding(bool end);
  void StartMirrors(bool end);
  void StartAttempt();
  bool RetryAfter(UpstreamRequest& attempt, const UpstreamFailure& failure);
  void SetRetryFlags();
  // After Retry::Delay(), with the body from its start.
  void TryAgain();
  void HoldForRetry(const base::Slice& data);
  void Hedge();
  void StartLateTry();
  // Some other attempt, or one that is about to be made.
  bool MayBeAnsweredBeside(const UpstreamRequest& attempt) const;
  void TakeAnswerOf(UpstreamRequest& attempt);
  void CancelAttempts(const UpstreamRequest* but = nullptr);
  void CancelForRouteTimeout(int status);
  // A hedged attempt that has lasted as long as it may; null: there is none.
  UpstreamRequest* HedgedUntil(base::MonotonicTime now) const;
  void SendDirectResponse(const config::DirectResponse& direct);
  // A response of our own. `flag` is kCount for none. The request, where it is not complete, is given up.
  // `grpc_status` of the answer to a gRPC request; -1: what belongs to `status`.
  void SendLocalReply(int status, std::string_view body, telemetry::ResponseFlag flag, std::string_view details,
                      int grpc_status = -1);
  static constexpr int kGrpcDeadlineExceeded = 4;
  void SendReply(const filter::Reply& reply);
  void EndGrpcCall(const filter::Reply& reply);
  // Reading from downstream, or from upstream, stops while there is any reason to.
  enum Reason : uint8_t { kOtherSide = 1, kFilter = 2 };
  void PauseRequest(Reason reason);
  void ResumeRequest(Reason reason);
  void PauseResponse(Reason reason);
  void ResumeResponse(Reason reason);
  void SendHead(http::ResponseHead& head, bool end);
  void CompleteResponse();
  // The response that has begun can't be completed.
  void BreakResponse(std::string_view details);
  void Finish();
  void CountRoute(RouteCounts& counts);
  void CountTraffic(stats::Traffic& traffic) const;
  bool FailedForServer() const;
  std::string_view GrpcStatus() const;  // empty: the answer has told none
  // The request's own, for who compares it with that to a copy.
  Mirror::OwnAnswer OwnAnswer() const;

  // Timeouts: one timer, armed for the earliest deadline; a deadline that was moved is found when it fires.
  void StartRouteTimeout();  // the request has come, whole; waiting for upstream and further tries count
  base::Duration TimeLeft();  // until then; zero: there is no such limit
  // An attempt that begins now has, of all timeouts that run or begin with it; zero: none does.
  base::Duration AttemptTimeLeft(const UpstreamRequest& attempt);
  void StartTryTimeouts();
  void StartTryTimeout();
  void EndTryTimeouts();
  bool GrpcDeadlineHasPassed();
  // A timeout that was taken from grpc-timeout ends then: that is where a filter ends the request anyway.
  bool IsKept(base::MonotonicTime at) const;
  void SetIdleTimeout(base::Duration timeout);
  void TouchIdle();
  void TouchTry();
  void OnTryTimeout(UpstreamRequest& attempt, UpstreamRequest::Timeout timeout, const UpstreamFailure& failure);
  void ArmTimer();
  void OnTimer();

  // From one route to another, by a redirect.
  struct Passage {
    const config::Route* from;
    const config::Route* to;
    const Passage* earlier;
  };
  // Routes that the request went by before, or might have: what was chosen of them lies in them.
  struct FormerRoutes {
    event::Kept<RoutesShard> routes;
    FormerRoutes* earlier;
  };
  // Attempts before such a one.
  struct Former {
    UpstreamRequest* last;
    Former* earlier;
  };

  DownstreamConnection& connection_;
  const event::Kept<ConnectionManagerShard> manager_;  // of this request, whatever comes after it
  event::Kept<RoutesShard> routes_;   // the same, but for scopes; null: there are none yet
  event::Kept<ScopesShard> scopes_;   // that it began with; null: it has looked for none
  const LiveRoutes* scope_ = nullptr;  // of these; null: none has its key
  FormerRoutes* former_routes_ = nullptr;  // in the arena, destroyed here
  codec::ServerStream* downstream_;  // null once the stream is over there
  base::Arena arena_;
  http::RequestHead* request_ = nullptr;
  http::ResponseHead* response_ = nullptr;  // as sent
  Requester requester_;
  const route::Entry* route_ = nullptr;
  Destination destination_;  // of a route that forwards
  std::string_view other_cluster_;  // where a filter sends the request; empty: none does
  filter::HttpChain* chain_ = nullptr;  // in the arena, destroyed here
  size_t next_filter_ = 0;              // of those that are configured: the one to be made next
  UpstreamRequest* upstream_ = nullptr;  // that is answered; before: the newest
  UpstreamRequest* newest_ = nullptr;    // attempt; all are in the arena, and destroyed here
  Former* former_ = nullptr;  // these too; in the arena
  const Passage* passages_ = nullptr;
  Mirrors mirrors_;
  RouteStats::Groups route_counts_;
  RequestTerms terms_;
  std::optional<Retry> retry_;
  base::Timer retry_timer_;
  base::Buffer waiting_body_;  // came before the upstream stream was open
  base::Buffer replay_body_;   // all that came, while another attempt is possible
  http::HeaderMap* request_trailers_ = nullptr;  // the same
  http::HeaderMap* response_trailers_ = nullptr;
  metadata::Annotations* annotations_ = nullptr;  // in the arena; null while nobody has noted anything

  base::Timer timer_;
  NamedHosts::Left names_left_;
  std::string_view session_host_;
  std::optional<uint64_t> hash_;           // where the cluster chooses by that
  http::HeaderMap* new_cookies_ = nullptr;  // for the response
  const uint64_t random_;  // what decides by chance where this request goes
  base::MonotonicTime started_;
  base::MonotonicTime request_ended_{};
  base::MonotonicTime response_started_{};
  base::WallTime started_wall_;
  // Zero: none.
  base::MonotonicTime idle_deadline_{};
  base::MonotonicTime head_deadline_{};
  base::MonotonicTime request_deadline_{};
  base::MonotonicTime route_deadline_{};
  base::MonotonicTime try_deadline_{};
  base::MonotonicTime try_idle_deadline_{};
  base::MonotonicTime try_duration_deadline_{};
  base::MonotonicTime duration_deadline_{};
  base::MonotonicTime kept_deadline_{};  // a filter's (StreamContext)
  base::Duration idle_timeout_{0};
  base::Duration full_idle_timeout_{0};  // without load, where that makes a difference

  codec::ByteMeter meter_;
  uint64_t request_bytes_ = 0;
  uint64_t response_bytes_ = 0;
  filter::CarriedContext* carried_context_ = nullptr;
  const upstream::LaneWish* lane_wish_ = nullptr;
  const upstream::LaneWish* forced_wish_ = nullptr;  // the last that was
  upstream::LaneOutcome lane_outcome_;
  const filter::MirrorWish* mirror_wish_ = nullptr;
  filter::FeatureSet turned_off_;
  telemetry::ResponseFlags flags_;
  std::string_view details_;
  std::string_view reply_type_;  // content-type of an answer of our own; empty: text/plain
  RequestState request_state_ = RequestState::kHead;
  ResponseState response_state_ = ResponseState::kNone;
  bool finished_ = false;
  bool is_grpc_ = false;
  uint8_t request_paused_ = 0;   // a set of Reason
  uint8_t response_paused_ = 0;
  bool request_passed_ = false;  // to its end, through the filters
  bool response_begun_ = false;  // there is a head, sent or with the filters: no other attempt is made
  bool tunnel_ = false;
  bool has_body_ = false;          // the request
  bool counted_upgrade_ = false;
  bool overloaded_ = false;  // a breaker refused the request
  bool routed_ = false;         // the request has passed the filters
  bool host_replaced_ = false;  // by an endpoint's name
  bool keeps_for_redirect_ = false;  // the body, as long as it is not too much
  bool redirecting_ = false;         // the timer starts it anew
  bool only_session_host_ = false;
  bool hedged_ = false;              // an attempt went on beside another one
  uint32_t redirects_ = 0;           // that were followed
  bool health_check_ = false;
  bool explains_ = false;
};

}  // namespace pillion::proxy
