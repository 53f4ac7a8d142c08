#include "source/tls/transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/unit/tls/raw_end.h"
#include "test/unit/tls/world.h"

namespace pillion::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TlsTransportTest : public ::testing::Test {
 protected:
  World world_;
};

TEST_F(TlsTransportTest, BytesGoBothWays) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()), {}, "name.test");
  world_.client->Send("request");
  world_.server->Send("answer");
  world_.Run();
  EXPECT_EQ(world_.server->received(), "request");
  EXPECT_EQ(world_.client->received(), "answer");
  const std::shared_ptr<Facts> shared = world_.server_tls->tls();
  Facts& facts = *shared;
  EXPECT_EQ(facts.version(), "TLSv1.3");
  EXPECT_EQ(facts.cipher(), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(facts.curve(), "X25519");
  EXPECT_EQ(facts.server_name(), "name.test");
  ASSERT_NE(facts.peer(), nullptr);
  EXPECT_EQ(facts.peer()->Joined(identity::NameType::kUri), "spiffe://td.test/client");
  EXPECT_EQ(facts.local()->Joined(identity::NameType::kUri), "spiffe://td.test/server");
  EXPECT_EQ(facts.peer()->sha256(), identity::Sha256Fingerprint(world_.client_svid.certificate()));
  EXPECT_EQ(world_.Counted("handshake"), 1u);
  EXPECT_EQ(world_.Counted("versions.TLSv1.3"), 1u);
  EXPECT_EQ(world_.Counted("curves.X25519"), 1u);
}

TEST_F(TlsTransportTest, Tls12) {
  ContextParts client = world_.Client();
  client.most = Version::kTls12;
  world_.Connect(Build(world_.Server()), Build(std::move(client)));
  world_.client->Send("request");
  world_.Run();
  EXPECT_EQ(world_.server->received(), "request");
  EXPECT_EQ(world_.server_tls->tls()->version(), "TLSv1.2");
  EXPECT_EQ(world_.server_tls->tls()->cipher(), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

// Every size of step below, so that each wait of each side is met.
TEST_F(TlsTransportTest, MuchDataThroughNarrowPipes) {
  std::string big;
  for (int i = 0; big.size() < 400'000; ++i) big += std::to_string(i) + ",";
  for (const size_t step : {size_t{7}, size_t{1000}, size_t{20'000}, SIZE_MAX}) {
    const test::LoopbackFaults faults{.pipe_bytes = 30'000, .most_read = step, .most_written = step};
    const std::string sent = step < 100 ? big.substr(0, 40'000) : big;
    world_.Connect(Build(world_.Server()), Build(world_.Client()), faults);
    world_.client->Send(sent);
    world_.server->Send(sent);
    world_.Run();
    EXPECT_TRUE(world_.server->received() == sent) << step << ": " << world_.server->received().size();
    EXPECT_TRUE(world_.client->received() == sent) << step << ": " << world_.client->received().size();
    EXPECT_TRUE(world_.client->sent_all());
  }
}

TEST_F(TlsTransportTest, PiecesBecomeOneRecord) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  std::string text(3000, 'x');
  std::vector<iovec> pieces(30, iovec{text.data(), 100});
  const net::IoResult result = world_.client_tls->Write(pieces);
  EXPECT_EQ(result.bytes, 3000u);
  world_.Run();
  EXPECT_EQ(world_.server->received(), text);
}

TEST_F(TlsTransportTest, APausedReaderHoldsTheWriter) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()), {.pipe_bytes = 10'000});
  world_.server->StopReading();
  world_.client->Send(std::string(300'000, 'a'));
  world_.Run();
  EXPECT_FALSE(world_.client->sent_all());
  world_.server->ReadAgain();
  world_.Run();
  EXPECT_TRUE(world_.client->sent_all());
  EXPECT_EQ(world_.server->received().size(), 300'000u);
}

TEST_F(TlsTransportTest, HalfClose) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  world_.client->Send("last");
  world_.client->EndSending();
  world_.Run();
  EXPECT_EQ(world_.server->received(), "last");
  EXPECT_TRUE(world_.server->ended());
  world_.server->Send("still here");
  world_.server->EndSending();
  world_.Run();
  EXPECT_EQ(world_.client->received(), "still here");
  EXPECT_TRUE(world_.client->ended());
  EXPECT_EQ(world_.client->error(), 0);
}

TEST_F(TlsTransportTest, AnOrderlyCloseIsNoTruncation) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  world_.client->Send("last");
  world_.client->Close();
  world_.Run();
  EXPECT_EQ(world_.server->received(), "last");
  EXPECT_TRUE(world_.server->ended());
  EXPECT_EQ(world_.server->error(), 0);
}

TEST_F(TlsTransportTest, J33AnEndWithoutCloseNotifyIsATruncation) {
  world_.strict_end = true;
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  world_.client->Send("half of it");
  world_.client_below->ShutdownWrite();
  world_.Run();
  EXPECT_EQ(world_.server->received(), "half of it");
  EXPECT_FALSE(world_.server->ended());
  EXPECT_EQ(world_.server->error(), ECONNRESET);
  EXPECT_EQ(world_.server_tls->failure(), "connection closed without close_notify");
}

// Who knows by other means where a message ends.
TEST_F(TlsTransportTest, AnEndBetweenRecords) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  world_.client->Send("all of it");
  world_.client_below->ShutdownWrite();
  world_.Run();
  EXPECT_EQ(world_.server->received(), "all of it");
  EXPECT_TRUE(world_.server->ended());
  EXPECT_EQ(world_.server->error(), 0);
  EXPECT_EQ(world_.server_tls->failure(), "");
}

TEST_F(TlsTransportTest, AnEndWithinARecord) {
  ContextParts parts = world_.Server();
  parts.require_peer_certificate = false;
  parts.policy = nullptr;
  test::Peer& peer = world_.ConnectRaw(Build(std::move(parts)));
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  peer.Send(std::string("\x17\x03\x03\x00\x40half", 9));
  peer.EndSending();
  world_.Run();
  EXPECT_FALSE(world_.server->ended());
  EXPECT_EQ(world_.server->error(), ECONNRESET);
}

TEST_F(TlsTransportTest, WhatCameBeforeABadRecordIsWhole) {
  ContextParts parts = world_.Server();
  parts.require_peer_certificate = false;
  parts.policy = nullptr;
  test::Peer& peer = world_.ConnectRaw(Build(std::move(parts)));
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  EXPECT_EQ(SSL_write(client.ssl(), "good", 4), 4);
  client.Pump(std::string("\x17\x03\x03\x00\x02xx", 7));
  EXPECT_EQ(world_.server->received(), "good");
  EXPECT_EQ(world_.server->error(), EPROTO);
}

// What logs ask of a connection that never was one of TLS.
TEST_F(TlsTransportTest, FactsOfAFailedHandshake) {
  test::Peer& client = world_.ConnectRaw(Build(world_.Server()));
  client.Send("GET / HTTP/1.1\r\n\r\n");
  world_.Run();
  const std::shared_ptr<Facts> facts = world_.server_tls->tls();
  EXPECT_EQ(facts->session_id(), "");
  EXPECT_EQ(facts->curve(), "");
  EXPECT_EQ(facts->cipher(), "");
  EXPECT_EQ(facts->server_name(), "");
  EXPECT_EQ(facts->alpn(), "");
  EXPECT_EQ(facts->peer(), nullptr);
  EXPECT_EQ(facts->PeerChainPem(), "");
  EXPECT_FALSE(facts->peer_verified());
}

TEST_F(TlsTransportTest, AFloodAfterARefusalEnds) {
  test::Peer& client = world_.ConnectRaw(Build(world_.Server()));
  client.Send("GET / HTTP/1.1\r\n\r\n");
  client.Send(std::string(1'000'000, 'x'));
  world_.Run();
  EXPECT_EQ(world_.server->error(), EPROTO);
}

TEST_F(TlsTransportTest, J15AClientWithoutCertificate) {
  ContextParts client = world_.Client();
  client.pairs.clear();
  world_.Connect(Build(world_.Server()), Build(std::move(client)));
  world_.client->Send("request");
  world_.Run();
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_EQ(world_.server->received(), "");
  EXPECT_EQ(world_.server->error(), EPROTO);
  EXPECT_EQ(world_.server_tls->failure(),
            "TLS_error:|268435648:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE:TLS_error_end");
  EXPECT_THAT(std::string(world_.client_tls->failure()),
              HasSubstr("CERTIFICATE_REQUIRED:the peer wants a certificate, and was shown none:TLS_error_end"));
  EXPECT_EQ(world_.Counted("fail_verify_no_cert"), 1u);
  EXPECT_EQ(world_.Counted("connection_error"), 0u);
  EXPECT_EQ(world_.Counted("handshake"), 0u);
}

TEST_F(TlsTransportTest, AClientThatMayComeWithoutCertificate) {
  ContextParts server = world_.Server();
  server.require_peer_certificate = false;
  ContextParts client = world_.Client();
  client.pairs.clear();
  world_.Connect(Build(std::move(server)), Build(std::move(client)));
  world_.client->Send("request");
  world_.Run();
  EXPECT_EQ(world_.server->received(), "request");
  EXPECT_EQ(world_.server_tls->tls()->peer(), nullptr);
  EXPECT_EQ(world_.Counted("no_certificate"), 1u);
}

TEST_F(TlsTransportTest, AStrangerIsRefusedWithTheRightAlert) {
  const test::Issued stranger = test::IssueCertificate(test::CaSpec("stranger"));
  struct Case {
    test::Issued certificate;
    std::string alert;  // as the client reads it
    std::string counter;
  };
  std::vector<Case> cases;
  cases.push_back({test::IssueSvid(stranger, "spiffe://td.test/client"), "ALERT_UNKNOWN_CA", "fail_verify_error"});
  cases.push_back({test::IssueCertificate({.ends_s = -5}, &world_.ca), "ALERT_CERTIFICATE_EXPIRED", "fail_verify_error"});
  cases.push_back({test::IssueSvid(world_.ca, "spiffe://td.test/other"), "ALERT_BAD_CERTIFICATE", "fail_verify_san"});
  for (const Case& a_case : cases) {
    ContextParts server = world_.Server();
    server.policy = TrustOf(world_.ca, "spiffe://td.test/client");
    ContextParts client = world_.Client();
    client.pairs.clear();
    AddPair(client, a_case.certificate);
    world_.Connect(Build(std::move(server)), Build(std::move(client)));
    world_.client->Send("request");
    world_.Run();
    world_.simulation.AdvanceTime(std::chrono::seconds(1));
    EXPECT_EQ(world_.server->received(), "");
    EXPECT_THAT(std::string(world_.server_tls->failure()),
                StartsWith("TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: "));
    EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr(a_case.alert + ":the peer refused our certificate, of \""));
    EXPECT_EQ(world_.Counted(a_case.counter), a_case.counter == "fail_verify_san" ? 1u : &a_case == &cases[0] ? 1u : 2u);
  }
}

TEST_F(TlsTransportTest, J32AServerWithAnotherName) {
  ContextParts client = world_.Client();
  client.policy = TrustOf(world_.ca, "spiffe://td.test/another");
  world_.Connect(Build(world_.Server()), Build(std::move(client)));
  world_.client->Send("request");
  world_.Run();
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_EQ(world_.client->error(), EPROTO);
  EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr("verify SAN list"));
  EXPECT_EQ(world_.server->received(), "");
}

TEST_F(TlsTransportTest, TheNameThatWasMeantIsTheCertificates) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()), {}, "a.test", "a.test");
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr("\"a.test\" is not among"));
}

TEST_F(TlsTransportTest, WhereANameIsToBeVerifiedAndThereIsNoneNobodyIsGood) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()), {}, "", "");
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr("there is none to ask for"));
}

TEST_F(TlsTransportTest, AServerNameThatIsTooLong) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()), {}, std::string(256, 'a'));
  EXPECT_NE(world_.client->error(), 0);
  EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr("a server name of 256 bytes"));
}

// Clients that have several certificates choose by the names of those who are trusted; in trust domains as well.
TEST_F(TlsTransportTest, ClientsAreToldWhoIsTrusted) {
  const test::Issued other = test::IssueCertificate(test::CaSpec("other"));
  const auto names = [](const Context& context) { return sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context.openssl())); };
  identity::PeerPolicyParts plain;
  plain.trusted = *identity::ReadCertificates(world_.ca.pem() + other.pem());
  identity::PeerPolicyParts domains;
  domains.bundles["td.test"] = *identity::ReadCertificates(world_.ca.pem());
  domains.bundles["other.test"] = *identity::ReadCertificates(other.pem() + world_.ca.pem());
  identity::PeerPolicyParts large;
  std::string pem;
  for (int i = 0; i < 250; ++i) {
    pem += test::IssueCertificate(test::CaSpec(std::string(60, 'n') + std::to_string(i))).pem();
  }
  large.trusted = *identity::ReadCertificates(pem);
  for (auto& [parts, count] : {std::pair(&plain, 2), std::pair(&domains, 2), std::pair(&large, 0)}) {
    ContextParts server = world_.Server();
    server.policy = std::make_shared<identity::PeerPolicy>(std::move(*parts));
    EXPECT_EQ(names(*Build(std::move(server))), count);
  }
}

TEST_F(TlsTransportTest, J21Alpn) {
  struct Case {
    std::vector<std::string> client;
    std::string agreed;
  };
  for (const Case& a_case : {Case{{"http/1.1", "h2"}, "h2"}, Case{{"http/1.1"}, "http/1.1"}, Case{{"other"}, ""}, Case{{}, ""}}) {
    ContextParts server = world_.Server();
    server.alpn = {"h2", "http/1.1"};
    ContextParts client = world_.Client();
    client.alpn = a_case.client;
    world_.Connect(Build(std::move(server)), Build(std::move(client)));
    EXPECT_EQ(world_.server_tls->tls()->alpn(), a_case.agreed);
    EXPECT_EQ(world_.client_tls->tls()->alpn(), a_case.agreed);
    EXPECT_EQ(world_.server->error(), 0);
  }
}

TEST_F(TlsTransportTest, TheCertificateOfTheServerName) {
  const test::Issued one = test::IssueCertificate({.common_name = "one", .dns = {"one.test"}}, &world_.ca);
  const test::Issued two = test::IssueCertificate({.common_name = "two", .dns = {"*.two.test"}}, &world_.ca);
  const test::Issued rsa = test::IssueCertificate({.common_name = "rsa", .dns = {"one.test"}, .rsa = true}, &world_.ca);
  const auto subject = [&](std::string name, bool only_rsa = false) {
    ContextParts server = world_.Server();
    server.pairs.clear();
    for (const test::Issued* issued : {&one, &two, &rsa}) AddPair(server, *issued);
    ContextParts client = world_.Client();
    if (only_rsa) client.signature_algorithms = {"rsa_pss_rsae_sha256"};
    client.policy = nullptr;
    world_.Connect(Build(std::move(server)), Build(std::move(client)), {}, name);
    CertificateFacts* const peer = world_.client_tls->tls()->peer();
    return peer == nullptr ? std::string("none") : peer->subject();
  };
  EXPECT_EQ(subject("one.test"), "CN=one");
  EXPECT_EQ(subject("a.two.test"), "CN=two");
  EXPECT_EQ(subject("A.Two.test"), "CN=two");
  EXPECT_EQ(subject("nobody.test"), "CN=one");
  EXPECT_EQ(subject(""), "CN=one");
  EXPECT_EQ(subject("one.test", true), "CN=rsa");
}

TEST_F(TlsTransportTest, J19AServerNameMayBeRequired) {
  ContextParts parts = world_.Server();
  parts.require_server_name = true;
  const auto server = Build(std::move(parts));
  world_.Connect(server, Build(world_.Client()), {}, "a.test");
  EXPECT_EQ(world_.client->error(), 0);
  world_.Connect(server, Build(world_.Client()));
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_THAT(std::string(world_.client_tls->failure()), HasSubstr("UNRECOGNIZED_NAME"));
}

TEST_F(TlsTransportTest, J30AHandshakeHasATimer) {
  world_.ConnectRaw(Build(world_.Server()));
  world_.simulation.AdvanceTime(std::chrono::seconds(9));
  EXPECT_EQ(world_.server->error(), 0);
  world_.simulation.AdvanceTime(std::chrono::seconds(2));
  EXPECT_EQ(world_.server->error(), ETIMEDOUT);
  EXPECT_EQ(world_.server_tls->failure(), "TLS handshake timeout");
}

TEST_F(TlsTransportTest, J31PlainHttpGetsNoAnswerInClear) {
  test::Peer& client = world_.ConnectRaw(Build(world_.Server()));
  client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  world_.Run();
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_EQ(world_.server->error(), EPROTO);
  EXPECT_EQ(world_.server_tls->failure(), "TLS_error:|268435612:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end");
  EXPECT_EQ(client.received().find("HTTP"), std::string::npos);
  EXPECT_EQ(world_.Counted("connection_error"), 1u);
}

TEST_F(TlsTransportTest, J34AFloodOfKeyUpdatesEnds) {
  ContextParts parts = world_.Server();
  parts.require_peer_certificate = false;
  parts.policy = nullptr;
  test::Peer& peer = world_.ConnectRaw(Build(std::move(parts)));
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  for (int i = 0; i < 20; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl());
    client.Pump();
  }
  EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
  client.Pump();
  EXPECT_EQ(world_.server->received(), "hi");
  EXPECT_EQ(world_.server->error(), 0);
  for (int i = 0; i < 100; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.ssl());
    client.Pump();
  }
  EXPECT_EQ(world_.server->error(), EPROTO);
  EXPECT_EQ(world_.server_tls->failure(), "too many TLS handshake messages on an open connection");
}

TEST_F(TlsTransportTest, FactsOfAPeersCertificate) {
  const test::Issued& leaf = world_.client_svid;
  const std::unique_ptr<CertificateFacts> facts = CertificateFacts::OfPeer(leaf.certificate());
  EXPECT_EQ(facts->subject(), identity::SubjectText(leaf.certificate()));
  EXPECT_EQ(facts->issuer(), identity::IssuerText(leaf.certificate()));
  EXPECT_EQ(facts->Joined(identity::NameType::kUri), "spiffe://td.test/client");
  EXPECT_EQ(facts->sha256(), identity::Sha256Fingerprint(leaf.certificate()));
  EXPECT_EQ(facts->pem(), leaf.pem());
  EXPECT_EQ(facts->serial(), identity::SerialText(leaf.certificate()));
  EXPECT_EQ(facts->not_after(), identity::NotAfter(leaf.certificate()));
}

TEST_F(TlsTransportTest, J18NoRenegotiation) {
  ContextParts parts = world_.Server();
  parts.require_peer_certificate = false;
  parts.policy = nullptr;
  parts.most = Version::kTls12;
  test::Peer& peer = world_.ConnectRaw(Build(std::move(parts)));
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  SSL_renegotiate(client.ssl());
  EXPECT_NE(client.Handshake(), 1);
  EXPECT_EQ(world_.Counted("handshake"), 1u);
}

TEST_F(TlsTransportTest, J17NothingWithoutForwardSecrecyOrAuthentication) {
  ContextParts parts = world_.Server();
  parts.most = Version::kTls12;
  const auto server = Build(std::move(parts));
  for (const char* ciphers : {"AES128-GCM-SHA256:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "aNULL:@SECLEVEL=0",
                              "eNULL:@SECLEVEL=0"}) {
    test::Peer& peer = world_.ConnectRaw(server);
    RawClient client(world_, peer);
    ASSERT_EQ(SSL_set_cipher_list(client.ssl(), ciphers), 1);
    EXPECT_NE(client.Handshake(), 1) << ciphers;
    EXPECT_THAT(std::string(world_.server_tls->failure()), HasSubstr("NO_SHARED_CIPHER")) << ciphers;
  }
}

TEST_F(TlsTransportTest, WhatIsNotInTheQueueOfOpenSslAnyMoreIsNotSaidAgain) {
  test::Peer& client = world_.ConnectRaw(Build(world_.Server()));
  client.Send("garbage that is no TLS at all, not even nearly");
  world_.Run();
  world_.simulation.AdvanceTime(std::chrono::seconds(1));
  EXPECT_NE(world_.server_tls->failure(), "");
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  world_.client->Send("fine");
  world_.Run();
  EXPECT_EQ(world_.server->received(), "fine");
  EXPECT_EQ(world_.server_tls->failure(), "");
}

}  // namespace
}  // namespace pillion::tls
